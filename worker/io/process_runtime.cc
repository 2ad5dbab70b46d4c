#include "worker/io/process_runtime.h"

#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "worker/io/gpu_choice.h"

namespace landseer::worker {
namespace {

bool is_folder(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

/// The image's folder, empty if the worker has none for it.
Result<std::string> find_image_folder(const std::string& image, const std::string& images) {
  if (image.empty() || images.empty()) return std::string();
  auto name = image_folder_name(image);
  if (!name) return name;
  std::string folder = images + "/" + *name;
  return is_folder(folder) ? folder : std::string();
}

Result<void> check_entrypoint(const std::string& image, const std::string& folder,
                              const std::string& images) {
  if (folder.empty()) {
    return fail(ErrorCode::kNotFound, "no folder for image `" + image + "` to run its entrypoint",
                images, "give the tool a command, or the worker the image");
  }
  const std::string path = folder + "/entrypoint";
  if (access(path.c_str(), F_OK) != 0) {
    return fail(ErrorCode::kNotFound, "the image has no entrypoint", path,
                "give the tool a command, or the image an executable file of this name");
  }
  if (access(path.c_str(), X_OK) != 0) {
    return fail(ErrorCode::kInvalid, "the image's entrypoint is not executable", path);
  }
  return {};
}

Result<std::vector<std::string>> make_argv(const protocol::WorkSpec& spec,
                                           const std::string& image_folder,
                                           const std::string& images) {
  auto words = command_words(spec);
  if (!words || !is_for_entrypoint(*words)) return words;
  if (auto good = check_entrypoint(spec.image, image_folder, images); !good) {
    return tl::make_unexpected(good.error());
  }
  words->insert(words->begin(), "./entrypoint");
  return words;
}

}  // namespace

Result<std::string> image_folder_name(std::string_view image) {
  std::string_view name = image;
  if (const auto scheme = name.find("://"); scheme != std::string_view::npos) {
    name.remove_prefix(scheme + 3);
  }
  name = name.substr(0, name.find('@'));
  if (const auto slash = name.rfind('/'); slash != std::string_view::npos) {
    name.remove_prefix(slash + 1);
  }
  name = name.substr(0, name.find(':'));
  const bool escapes = image.find("..") != std::string_view::npos || name == ".";
  if (name.empty() || escapes || name.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::kInvalid, "not an image name", std::string(image));
  }
  return std::string(name);
}

ProcessRuntime::ProcessRuntime(std::string images, Variables host, const std::string& memory)
    : images_(std::move(images)),
      host_(std::move(host)),
      contents_(memory, FolderFiles::kWithoutCaches) {}

Result<Digest> ProcessRuntime::content_of(const std::string& folder, const Cancel& cancel) {
  if (folder.empty()) return sha256("no image folder");
  const std::lock_guard lock(mutex_);
  const auto read = contents_.read(folder, cancel);
  if (!read) return tl::make_unexpected(read.error());
  return read->content;
}

Result<Digest> ProcessRuntime::obtain_image(const std::string& image, const Digest& bound,
                                            const Cancel& cancel) {
  const auto folder = find_image_folder(image, images_);
  if (!folder) return tl::make_unexpected(folder.error());
  auto content = content_of(*folder, cancel);
  if (!content || bound.empty() || bound == *content) return content;
  return fail(ErrorCode::kConflict,
              "the image is " + content->hex().substr(0, 12) +
                  " here, and the pipeline began with " + bound.hex().substr(0, 12),
              folder->empty() ? image : *folder,
              "give all workers the same files, submit the pipeline anew if you edited them, and "
              "let no tool write there");
}

Result<std::optional<Digest>> ProcessRuntime::look(const std::string& image, const Cancel& cancel) {
  const auto folder = find_image_folder(image, images_);
  if (!folder) return tl::make_unexpected(folder.error());
  const auto content = content_of(*folder, cancel);
  if (!content) return tl::make_unexpected(content.error());
  return std::optional<Digest>(*content);
}

/// A folder of that name may come and go.
std::optional<std::vector<ImageTrace>> ProcessRuntime::traces(const std::string& image) const {
  std::vector<ImageTrace> traces;
  const auto name = image.empty() || images_.empty() ? Result<std::string>(std::string())
                                                     : image_folder_name(image);
  if (!name) return std::nullopt;
  if (name->empty()) return traces;
  traces.push_back({images_, *name, false});
  const std::string folder = images_ + "/" + *name;
  if (is_folder(folder)) traces.push_back({folder, "", true});
  return traces;
}

Result<Launch> ProcessRuntime::make_launch(const RunRequest& request) const {
  const AttemptJob& job = request.job;
  const auto image_folder = find_image_folder(job.spec.image, images_);
  if (!image_folder) return tl::make_unexpected(image_folder.error());
  auto argv = make_argv(job.spec, *image_folder, images_);
  if (!argv) return tl::make_unexpected(argv.error());
  const ToolFolders folders{request.paths.input.string(), request.paths.output.string(),
                            request.paths.checkpoint.string()};
  auto variables = make_variables(job, host_, folders, visible_devices(request.gpus));
  if (!variables) return tl::make_unexpected(variables.error());

  Launch launch;
  launch.key = job.key;
  launch.argv = std::move(*argv);
  for (const auto& [name, value] : *variables) launch.env.push_back(name + "=" + value);
  for (const auto& [name, value] : request.secrets) launch.env.push_back(name + "=" + value);
  launch.cwd = image_folder->empty() ? request.paths.folder.string() : *image_folder;
  launch.log_path = request.paths.log.string();
  launch.timeout_ms = job.spec.timeout_ms;
  launch.grace_ms = request.grace_ms;
  launch.memory_bytes = job.spec.memory_bytes;
  launch.cgroup = request.place;
  return launch;
}

}  // namespace landseer::worker
