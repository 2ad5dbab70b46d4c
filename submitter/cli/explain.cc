#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/base/text.h"
#include "submitter/cli/exit_codes.h"
#include "submitter/cli/json_rows.h"
#include "submitter/cli/table.h"
#include "submitter/cli/text_width.h"
#include "submitter/cli/verbs.h"
#include "submitter/client/selector.h"

namespace landseer::cli {
namespace {

std::string shown(const std::string& value) { return value.empty() ? "-" : one_line(value); }

std::string compared(const Screen& screen, const protocol::Explanation& why) {
  if (number(why.compared_with) == 0 || why.differences.empty()) return {};
  std::string text = fmt::format("\ncompared with {}, the earlier task that is most like it",
                                 to_string(why.compared_with));
  text += why.differs_at == why.row.task
              ? ":\n"
              : fmt::format("; they differ from {} on:\n", to_string(why.differs_at));
  Table table({{.title = "INGREDIENT", .width_min = 10},
               {.title = "HERE", .width_min = 10},
               {.title = "THERE", .width_min = 10}});
  for (const protocol::Difference& difference : why.differences) {
    table.add({difference.ingredient, shown(difference.here), shown(difference.there)});
  }
  return text + table.text(screen);
}

}  // namespace

Result<int> run_explain(Context& context, const std::string& text) {
  const auto id = client::select_task(text);
  if (!id) return tl::make_unexpected(id.error());
  auto client = context.client();
  if (!client) return tl::make_unexpected(client.error());
  const auto why = (*client)->explain(*id);
  if (!why) return tl::make_unexpected(why.error());
  if (context.json()) {
    print_document(context, to_json(*why));
    return kSuccess;
  }
  context.print(
      strip_control(fmt::format("{} ({}): {}", to_string(*id), why->row.tool, why->summary),
                    false) +
      "\n");
  if (context.quiet()) return kSuccess;
  for (const std::string& reason : why->reasons) {
    context.print("  " + strip_control(reason, false) + "\n");
  }
  if (!why->change.empty()) {
    context.print("what would let it run: " + strip_control(why->change, false) + "\n");
  }
  context.print(compared(context.out(), *why));
  context.next("landseer task " + to_string(*id));
  return kSuccess;
}

}  // namespace landseer::cli
