#include "agents/rabbitmq/ability.hpp"

#include <thread>

#include "agents/host/process.hpp"
#include "agents/rabbitmq/broker.hpp"
#include "agents/rabbitmq/erlang_node.hpp"

namespace troop::agents {
namespace {

constexpr Duration erlang_max = std::chrono::seconds{10};
constexpr const char* install_erlang = "install Erlang (apt-get install erlang-base)";

}  // namespace

Ability try_broker(const model::Broker& wanted) {
  const auto checked = ManagedBroker::check(wanted);
  if (checked.has_value()) return {};
  const std::string& text = checked.error().context;  // "no RabbitMQ at …; install it …"
  const auto split = text.find("; ");
  if (split == std::string::npos) return {text, "see scenarios/README.md"};
  return {text.substr(0, split), text.substr(split + 2) + "; a broker that others run may be attached instead"};
}

Ability try_erlang() {
  const std::string erl = find_erl();
  if (erl.empty()) return {"no erl on this host", install_erlang};
  const Spawn what{{erl, "+S", "1:1", "-noinput", "-boot", "start_clean", "-eval", "halt(0)."},
                   {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "HOME=/", "ERL_CRASH_DUMP_SECONDS=0"},
                   "/dev/null",
                   {},
                   "/"};
  auto started = Process::spawn(what);
  if (started.has_error()) return {erl + " does not start: " + started.error().context, install_erlang};
  Process& process = started.value();
  const std::int64_t deadline = monotonic_ns() + erlang_max.count();
  while (process.alive() && monotonic_ns() < deadline) std::this_thread::sleep_for(std::chrono::milliseconds{5});
  if (process.alive()) return {erl + " does not come to its end", install_erlang};
  if (!process.ended_well()) return {erl + " does not run: " + process.ending(), install_erlang};
  return {};
}

}  // namespace troop::agents
