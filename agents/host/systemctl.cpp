#include "agents/host/systemctl.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <thread>

namespace troop::agents {
namespace {

constexpr std::size_t said_max = 64 << 10, quoted_max = 200;
constexpr Duration look_interval = std::chrono::milliseconds{2};

std::string last_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  const auto begin = text.rfind('\n');
  if (begin != std::string::npos) text.erase(0, begin + 1);
  return text.substr(0, quoted_max);
}

Error too_late(const std::string& verb, Duration timeout) {
  return {ErrorKind::timeout,
          fmt::format("systemctl {} has not ended after {} s", verb, timeout / std::chrono::seconds{1})};
}

}  // namespace

std::string systemctl_program() {
  const char* chosen = std::getenv("TROOP_SYSTEMCTL");
  return chosen != nullptr && *chosen == '/' ? chosen : "/usr/bin/systemctl";
}

Result<Systemctl> Systemctl::start(std::vector<std::string> arguments) {
  Systemctl started;
  started.verb_ = arguments.empty() ? std::string{} : arguments.front();
  started.said_.reset(memfd_create("systemctl", MFD_CLOEXEC));
  if (!started.said_) return system_error(ErrorKind::lost, "memfd", errno);
  std::vector<std::string> argv{systemctl_program(), "--no-pager", "--no-ask-password"};
  argv.insert(argv.end(), std::make_move_iterator(arguments.begin()), std::make_move_iterator(arguments.end()));
  const Spawn what{std::move(argv),
                   {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "SYSTEMD_COLORS=0"},
                   fmt::format("/proc/self/fd/{}", started.said_.get()),
                   {}};
  BOOST_OUTCOME_TRY(started.process_, Process::spawn(what));
  return started;
}

Result<std::string> Systemctl::answer() const {
  std::string said(said_max, '\0');
  const ssize_t got = pread(said_.get(), said.data(), said.size(), 0);
  said.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  if (process_.ended_well()) return said;
  const auto words = last_line(std::move(said));
  return Error{ErrorKind::lost,
               fmt::format("systemctl {}: {}{}{}", verb_, process_.ending(), words.empty() ? "" : ": ", words)};
}

asio::awaitable<Result<std::string>> ask_systemctl(std::vector<std::string> arguments, Duration timeout) {
  const std::string verb = arguments.front();
  BOOST_OUTCOME_CO_TRY(auto asked, Systemctl::start(std::move(arguments)));
  const std::int64_t deadline = monotonic_ns() + timeout.count();
  while (!asked.ended()) {
    if (monotonic_ns() > deadline) co_return too_late(verb, timeout);
    co_await pause_for(look_interval);
  }
  co_return asked.answer();
}

Result<std::string> ask_systemctl_now(std::vector<std::string> arguments, Duration timeout) {
  const std::string verb = arguments.front();
  BOOST_OUTCOME_TRY(auto asked, Systemctl::start(std::move(arguments)));
  const std::int64_t deadline = monotonic_ns() + timeout.count();
  while (!asked.ended()) {
    if (monotonic_ns() > deadline) return too_late(verb, timeout);
    std::this_thread::sleep_for(look_interval);
  }
  return asked.answer();
}

}  // namespace troop::agents
