#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <tuple>

#include "common/base/text.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/labels.h"
#include "submitter/cli/verbs.h"

namespace landseer::cli {
namespace {

std::string line(const protocol::Drain& what, const protocol::DrainedWorker& worker) {
  std::string text = worker.name + " (" + to_string(worker.worker) + "): ";
  if (!what.drained) return text + (worker.changed ? "gets work again\n" : "was not drained\n");
  text += worker.changed ? "drained" : "was drained already";
  if (worker.running == 0) return text + ", and has nothing left\n";
  return text +
         fmt::format("; {} attempts {}\n", worker.running, what.now ? "are given back" : "go on");
}

Json to_json(const protocol::Drain& what, const protocol::DrainedWorker& worker) {
  return {{"worker_id", to_string(worker.worker)},
          {"name", worker.name},
          {"drained", what.drained},
          {"changed", worker.changed},
          {"running", worker.running}};
}

Result<int> set_drained(Context& context, const DrainOptions& options, bool drained) {
  if (options.worker.empty() == options.label.empty()) {
    return fail(ErrorCode::kInvalid, "name a worker, or a group of them with --label", "drain",
                "`landseer workers` lists them");
  }
  protocol::Drain what{options.worker, "", "", drained, options.now};
  if (!options.label.empty()) {
    const auto label = parse_label(options.label);
    if (!label) return tl::make_unexpected(label.error());
    std::tie(what.label_key, what.label_value) = *label;
  }
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  const auto result = (*client)->drain(what);
  if (!result) return tl::make_unexpected(result.error());
  Json documents = Json::array();
  for (const protocol::DrainedWorker& worker : result->workers) {
    if (context.json()) {
      documents.push_back(to_json(what, worker));
    } else if (!context.quiet()) {
      context.print(strip_control(line(what, worker), true));
    }
  }
  if (context.json()) print_document(context, documents);
  context.next(drained ? "landseer workers, until it runs nothing; then landseer undrain"
                       : "landseer workers");
  return kSuccess;
}

}  // namespace

Result<int> run_drain(Context& context, const DrainOptions& options) {
  return set_drained(context, options, true);
}

Result<int> run_undrain(Context& context, const DrainOptions& options) {
  return set_drained(context, options, false);
}

}  // namespace landseer::cli
