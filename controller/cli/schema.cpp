// troop schema: what editors need to complete and check scenarios.
#include "scenarios/toml/schema.hpp"

#include "controller/cli/commands.hpp"
#include "controller/cli/support.hpp"
#include "reports/formats/json_text.hpp"

namespace troop::controller {

void add_schema(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("schema", "Print the JSON Schema of scenario files, for editors");
  command->footer(
      "Editors complete and check a scenario whose first line names the schema (Even Better TOML, taplo):\n"
      "  #:schema ./troop.schema.json\n\n"
      "Example:\n  troop schema > troop.schema.json");
  command->callback(
      [&exit_code] { exit_code = print_answer(formats::pretty(scenarios::scenario_schema(catalogue())) + "\n"); });
}

}  // namespace troop::controller
