// troop: breaks message-driven systems on purpose, puts them back, and proves what happened.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>

#include "common/version.hpp"
#include "controller/cli/commands.hpp"
#include "controller/cli/support.hpp"

namespace {

/// A standard descriptor that the caller closed would become the number of the next file that is opened, and messages
/// would go into a run's evidence. What is taken here can be read (it is empty) and not written to (that fails).
void occupy_standard_descriptors() {
  int fd = 0;
  while (fd >= 0 && fd <= STDERR_FILENO) fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (fd >= 0) close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace troop::controller;
  occupy_standard_descriptors();
  std::signal(SIGPIPE, SIG_IGN);  // a reader that has left is an error to handle, not an end
  CLI::App app{"Breaks message-driven systems on purpose, puts them back, and proves what happened."};
  app.set_version_flag("--version", troop::version);
  app.require_subcommand(1);
  app.footer("Start with:\n  troop list scenarios\n  troop run broker/stop");
  int exit_code = code(Exit::pass);
  add_commands(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? code(Exit::pass) : code(Exit::usage);
  }
  return exit_code;
}
