#include "submitter/pipeline/file.h"

#include <filesystem>
#include <string_view>
#include <utility>

#include "common/base/text.h"
#include "common/domain/policy.h"
#include "common/protocol/limits.h"
#include "submitter/pipeline/body.h"
#include "submitter/pipeline/disk.h"
#include "submitter/pipeline/overrides.h"
#include "submitter/pipeline/scalar.h"
#include "submitter/pipeline/stopping.h"
#include "submitter/pipeline/tool_reader.h"

namespace landseer::pipeline {
namespace {

std::string stem_of(const std::string& path) {
  std::string stem = std::filesystem::path(path).stem().string();
  return name_trouble(stem).empty() ? stem : "pipeline";
}

/// The registry must know the dataset and, where it lists variants, the variant.
void check_dataset(const std::string& path, Fields& fields, Dataset& dataset, Diagnostics& out) {
  Document document;
  const Node* root = document.parse_file(path, out);
  if (root == nullptr) return;
  const DatasetRegistry registry = read_dataset_registry(*root, out);
  const auto known = registry.find(dataset.name);
  if (known == registry.end()) {
    std::vector<std::string> names;
    for (const auto& [name, spec] : registry) names.push_back(name);
    const std::string nearest = nearest_word(dataset.name, names);
    fields.error("name", "the dataset '" + dataset.name + "' is not in " + path,
                 nearest.empty() ? "add it there, or name another registry with --datasets FILE"
                                 : "did you mean '" + nearest + "'?");
    return;
  }
  for (const std::string& name : known->second.required_files) {
    // Workers tell what is in the folder itself.
    const auto slash = name.find('/');
    dataset.required.push_back(slash == std::string::npos ? name : name.substr(0, slash + 1));
  }
  for (const std::string& name : known->second.required_dirs) {
    dataset.required.push_back(name.substr(0, name.find('/')) + "/");
  }
  const auto& variants = known->second.variants;
  if (!variants.empty() && !variants.contains(dataset.variant)) {
    std::string listed;
    for (const auto& [name, image] : variants) listed += (listed.empty() ? "" : ", ") + name;
    fields.error("variant",
                 "the dataset '" + dataset.name + "' has no variant '" + dataset.variant + "'",
                 "use one of: " + listed);
  }
}

void read_dataset(Fields& top, const LoadOptions& options, PipelineFile& file, Diagnostics& out) {
  const Node* node = top.map("dataset");
  if (node == nullptr) return;
  Fields fields(*node, "'dataset'", out);
  Dataset& dataset = file.dataset;
  dataset.name = fields.name("name").value_or("");
  dataset.variant = fields.name("variant").value_or("clean");
  if (const Node* params = fields.map("params")) dataset.params = read_config(*params, out).text();
  for (const auto key : {"link", "format", "sha1", "version", "loader_module"}) {
    fields.unused(key, "workers know where their datasets are");
  }
  if (dataset.name.empty()) fields.missing("name", "add `name: cifar10` or another dataset");
  fields.finish();
  std::string path = options.datasets;
  if (path.empty()) path = find_registry(file.path, "datasets.yaml");
  if (!path.empty() && !out.failed()) check_dataset(path, fields, dataset, out);
}

void find_model(Fields& fields, const LoadOptions& options, PipelineFile& file, Diagnostics& out) {
  Model& model = file.model;
  model.path = find_beside(file.path, model.script);
  const std::string where = fields.place("script");
  if (model.path.empty()) {
    const std::string message = "the model script '" + model.script +
                                "' is neither in the folder of this file nor in the current one";
    if (options.read_model) {
      out.error(message, where, "correct the path; it is relative to this file");
    } else {
      out.warn(where, message);
    }
    return;
  }
  if (!options.read_model) return;
  Result<std::string> content = read_file(model.path, protocol::kAttachmentBytesMax);
  if (!content) {
    Error error = content.error();
    error.message = "the model script '" + model.path + "': " + error.message;
    error.where = where;
    out.error(std::move(error));
  } else if (!is_utf8(*content)) {
    out.error("the model script '" + model.path + "' is not UTF-8 text", where, "save it as UTF-8");
  } else {
    model.content = *std::move(content);
  }
}

void read_model(Fields& top, const LoadOptions& options, PipelineFile& file, Diagnostics& out) {
  const Node* node = top.map("model");
  if (node == nullptr) return;
  Fields fields(*node, "'model'", out);
  file.model.script = fields.text("script").value_or("");
  if (strip_control(file.model.script, /*keep_lines=*/false) != file.model.script) {
    fields.error("script", "the path of the model script holds control characters",
                 "give the file another name");
  }
  file.model.framework = fields.text("framework").value_or("pytorch");
  if (fields.map("params") != nullptr) {
    fields.unused("params", "tools see the model script only; set values there");
  }
  if (file.model.script.empty()) {
    fields.missing("script", "add `script: path/to/model.py`");
  } else {
    find_model(fields, options, file, out);
  }
  fields.finish();
}

void read_policy(Fields& fields, PipelineFile& file) {
  if (const auto priority =
          fields.whole("priority", -protocol::kPriorityMax, protocol::kPriorityMax)) {
    file.priority = *priority;
  }
  const auto policy = fields.text("policy");
  if (!policy) return;
  const auto known = domain::make_policy(*policy);
  if (known) {
    file.policy = *policy;
  } else {
    fields.error("policy", known.error().message, known.error().hint);
  }
}

void read_defaults(Fields& top, LoadContext& context) {
  if (const Node* node = top.map("defaults")) {
    Fields fields(*node, "'defaults'", context.out);
    context.defaults = read_settings(fields);
    read_policy(fields, context.file);
    fields.finish();
  }
  for (const std::string_view key : {"resources", "retries", "timeout", "env", "network"}) {
    if (!top.has(key)) continue;
    top.error(key, "'" + std::string(key) + "' cannot stand at the top level",
              "move it below `defaults:`");
  }
}

void read_head(Fields& top, LoadContext& context) {
  PipelineFile& file = context.file;
  file.name = top.name("name").value_or(stem_of(file.path));
  top.has("description");
  read_defaults(top, context);
  read_policy(top, file);
  read_stopping(top, context);
  if (const auto text = top.text("expansion")) {
    const Result<Expansion> expansion = parse_expansion(*text);
    if (expansion) {
      file.expansion = *expansion;
    } else {
      top.error("expansion", expansion.error().message, expansion.error().hint);
    }
  }
}

/// A body is needed always; stage forms need a dataset and a model; only the oldest form knew no
/// model.
void require_sections(Fields& top, const LoadContext& context) {
  if (context.file.body_place.empty()) {
    context.out.error("the file has neither 'pipeline' nor 'workflows'", top.place(),
                      "add `pipeline:` with the four stages, or `workflows:` with a list");
  }
  if (context.file.form == Form::kNative) return;
  if (top.find("dataset") == nullptr) {
    top.missing("dataset", "add `dataset: {name: cifar10}` at the top level");
  }
  if (top.find("model") != nullptr) return;
  if (context.saw_docker) {
    context.out.warn(top.place(), "there is no 'model'; tools will find no config_model.py");
  } else {
    top.missing("model", "add `model: {script: path/to/model.py}` at the top level");
  }
}

void read_body(Fields& top, LoadContext& context) {
  const Node* pipeline = top.find("pipeline");
  const Node* workflows = top.find("workflows");
  if (const Node* tools = top.map("tools")) context.catalogue.add_own(*tools);
  if (pipeline != nullptr && workflows != nullptr) {
    top.error("workflows", "the file has both 'pipeline' and 'workflows'",
              "keep one of them; split the file to run both");
  } else if (pipeline != nullptr) {
    context.file.body_place = pipeline->place();
    read_stages(*pipeline, context);
    context.file.form =
        context.saw_docker || !context.saw_reference ? Form::kInline : Form::kRegistry;
  } else if (workflows != nullptr) {
    context.file.body_place = workflows->place();
    context.file.form = Form::kNative;
    read_workflows(*workflows, context);
  }
}

/// Nothing here differs between workflows, so evaluations of equal tasks are one task. What an
/// evaluator requires is in, because it decides whether the result is "skipped".
std::string evaluator_config(const EvaluatorSpec& spec) {
  std::string json = "{\"stage\":\"evaluation\",\"evaluator\":";
  domain::append_json_string(json, spec.tool.key);
  json += ",\"tool_name\":";
  domain::append_json_string(json, spec.tool.tool.name);
  const auto append_list = [&json](std::string_view key, const std::vector<std::string>& items) {
    json += ",";
    domain::append_json_string(json, key);
    json += ":[";
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) json += ",";
      domain::append_json_string(json, items[i]);
    }
    json += "]";
  };
  append_list("metrics", spec.metrics);
  append_list("required_artifacts", spec.required_artifacts);
  return json + "}";
}

void read_evaluators(const std::string& path, LoadContext& context) {
  if (path.empty()) return;
  Document document;
  const Node* root = document.parse_file(path, context.out);
  if (root == nullptr) return;
  for (EvaluatorSpec& spec : read_evaluator_registry(*root, context.out)) {
    ToolUse use;
    const auto config = domain::Config::parse(evaluator_config(spec));
    if (!config) {
      context.out.error("the evaluator '" + spec.tool.key + "': " + config.error().message,
                        spec.tool.place, "list fewer metrics", config.error().code);
      return;
    }
    use.config = *config;
    const Settings settings = overlay(context.defaults, spec.tool.settings);
    use.options = to_options(settings);
    use.options.required_artifacts = std::move(spec.required_artifacts);
    use.options.artifact_roots = std::move(spec.artifact_roots);
    use.options.metrics = std::move(spec.metrics);
    use.key = std::move(spec.tool.key);
    use.tool = std::move(spec.tool.tool);
    apply_runtime(settings, use.tool.container);
    use.place = std::move(spec.tool.place);
    context.file.evaluators.push_back(std::move(use));
  }
}

}  // namespace

Result<PipelineFile> load(const std::string& path, const LoadOptions& options) {
  Diagnostics out;
  Document document;
  Node* root = document.parse_file(path, out);
  if (root != nullptr) apply_overrides(document, *root, options.set, out);
  if (out.failed()) return out.failure();

  PipelineFile file;
  file.path = path;
  Catalogue catalogue(path, options.tools, out);
  LoadContext context{.out = out, .catalogue = catalogue, .file = file, .defaults = {}};
  Fields top(*root, "the pipeline file", out);
  read_head(top, context);
  read_body(top, context);
  read_dataset(top, options, file, out);
  read_model(top, options, file, out);
  top.finish();
  require_sections(top, context);
  read_evaluators(options.evaluators, context);
  check_stopping(top, context);
  if (out.failed()) return out.failure();
  file.warnings = out.take_warnings();
  return file;
}

}  // namespace landseer::pipeline
