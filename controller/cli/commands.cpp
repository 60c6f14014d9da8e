#include "controller/cli/commands.hpp"

namespace troop::controller {

void add_commands(CLI::App& app, int& exit_code) {
  add_run(app, exit_code);
  add_plan(app, exit_code);
  add_validate(app, exit_code);
  add_verify(app, exit_code);
  add_report(app, exit_code);
  add_list(app, exit_code);
  add_new(app, exit_code);
  add_schema(app, exit_code);
}

}  // namespace troop::controller
