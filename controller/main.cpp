// troop: breaks message-driven systems on purpose, puts them back, and proves what happened.
#include <CLI/CLI.hpp>

#include "common/version.hpp"
#include "controller/cli/commands.hpp"
#include "controller/cli/support.hpp"

int main(int argc, char** argv) {
  using namespace troop::controller;
  CLI::App app{"Breaks message-driven systems on purpose, puts them back, and proves what happened."};
  app.set_version_flag("--version", troop::version);
  app.require_subcommand(1);
  app.footer("Start with:\n  troop list scenarios\n  troop run broker/stop");
  int exit_code = code(Exit::pass);
  add_run(app, exit_code);
  add_plan(app, exit_code);
  add_validate(app, exit_code);
  add_verify(app, exit_code);
  add_report(app, exit_code);
  add_list(app, exit_code);
  add_new(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? code(Exit::pass) : code(Exit::usage);
  }
  return exit_code;
}
