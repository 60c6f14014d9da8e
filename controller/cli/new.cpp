// troop new: a scenario to start from.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "common/unique_fd.hpp"
#include "controller/cli/commands.hpp"
#include "controller/cli/support.hpp"
#include "controller/cli/template.hpp"

namespace troop::controller {
namespace {

Result<void> write_new_file(const std::string& file, std::string_view text) {
  const UniqueFd fd{::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)};
  if (!fd && errno == EEXIST) return usage_error(file + " exists already, and is left as it is");
  if (!fd) return system_error(ErrorKind::usage, file, errno);
  while (!text.empty()) {
    const ssize_t wrote = ::write(fd.get(), text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) {
      const int why = errno;
      ::unlink(file.c_str());  // half a scenario helps nobody
      return system_error(ErrorKind::usage, file, why);
    }
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return success();
}

int create(const std::string& name) {
  const bool good = !name.empty() && name.size() <= 64 &&
                    name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
  if (!good) return report_error(usage_error("'" + name + "' is no name: at most 64 of a-z, 0-9 and -, without .toml"));
  const std::string file = name + ".toml";
  if (const auto written = write_new_file(file, scenario_template(name)); !written)
    return report_error(written.error());
  return print_answer(fmt::format("{0} written; next: troop plan {0}\n", file));
}

}  // namespace

void add_new(CLI::App& app, int& exit_code) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("new", "Write NAME.toml here: a commented scenario to start from");
  command->add_option("NAME", *name, "of a-z, 0-9 and -")->required();
  command->footer("Example: troop new checkout-broker-stop");
  command->callback([name, &exit_code] { exit_code = create(*name); });
}

}  // namespace troop::controller
