// The subcommands of `troop`. Each function adds one; when it is chosen, its callback stores the documented exit code.
#pragma once

#include <CLI/CLI.hpp>

namespace troop::controller {

void add_run(CLI::App& app, int& exit_code);
void add_plan(CLI::App& app, int& exit_code);
void add_validate(CLI::App& app, int& exit_code);
void add_verify(CLI::App& app, int& exit_code);
void add_report(CLI::App& app, int& exit_code);
void add_list(CLI::App& app, int& exit_code);
void add_new(CLI::App& app, int& exit_code);
void add_schema(CLI::App& app, int& exit_code);

/// All of them, in the order in which --help shows them.
void add_commands(CLI::App& app, int& exit_code);

}  // namespace troop::controller
