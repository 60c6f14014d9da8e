#include "agents/faults/container_faults.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "agents/containers.hpp"
#include "agents/faults/control_faults.hpp"
#include "agents/faults/selected_processes.hpp"
#include "agents/host/elsewhere.hpp"

namespace troop::agents {
namespace {

constexpr Duration told_max = std::chrono::seconds{30};
constexpr Duration down_max = std::chrono::seconds{5};

/// Somebody else may start it again: then it is not down any more, or was not all the time. Asking blocks for three
/// seconds at most.
struct HeldDown : Holding {
  HeldDown(std::string of, std::string which, std::string when)
      : socket(std::move(of)), id(std::move(which)), started_at(std::move(when)) {}
  Result<void> renew() override {
    BOOST_OUTCOME_TRY(const auto now, inspect_container(socket, id));
    if (!now.running && now.started_at == started_at) return success();
    return Error{ErrorKind::lost, fmt::format("somebody else started container {} again", now.name)};
  }
  std::string socket, id, started_at;
};

/// Its processes as far as they can be seen from here; what the policy protects is protected in containers too.
Result<void> not_protected(const Parts& parts, const Container& container, const protocol::StepOrder& order) {
  Selector inside;
  inside.by = Selector::By::container;
  inside.text = container.id;
  inside.written = "container " + container.name;
  const auto table = read_process_table();
  const auto own = std::ranges::find(table, getpid(), [](const ProcessRow& row) { return row.identity.pid; });
  const auto is_inside = [&](const std::string& group) { return group.find(container.id) != std::string::npos; };
  if (own != table.end() && std::ranges::any_of(own->groups, is_inside))
    return usage_error(fmt::format("{}: this agent runs in container {}", order.fault, container.name));
  BOOST_OUTCOME_TRY(const auto never, protected_here(parts));
  if (matching(table, inside, never).empty()) return success();
  if (auto chosen = choose(table, inside, never, Random{0}); chosen.has_error())
    return std::move(chosen).error().within(order.fault);
  return success();
}

Result<Container> running_container(const Parts& parts, const protocol::StepOrder& order) {
  auto found = inspect_container(docker_socket(), text_parameter(order, "container", ""));
  if (found.has_error()) return std::move(found).error().within(order.fault);
  const Container& container = found.value();
  const auto refuse = [&](std::string_view why) {
    return usage_error(fmt::format("{}: container {} {}", order.fault, container.name, why));
  };
  if (!container.running) return refuse("does not run");
  if (container.paused) return refuse("is paused");
  if (container.removes_itself) return refuse("would be removed when it ends (docker run --rm)");
  BOOST_OUTCOME_TRY(not_protected(parts, container, order));
  return found;
}

}  // namespace

Result<UndoRecord> plan_on_container(Parts& parts, const protocol::StepOrder& order) {
  if (parts.find(order.victim) != nullptr || text_parameter(order, "container", "").empty())
    return usage_error(fmt::format("{}: no container of a host is named", order.fault));
  BOOST_OUTCOME_TRY(running_container(parts, order));
  return UndoRecord{std::string{container_kind}, {{"fault", order.fault}, {"victim", order.victim}}};
}

asio::awaitable<Result<void>> look_at_container(Parts& parts, const protocol::StepOrder& order, boost::json::object& state) {
  BOOST_OUTCOME_CO_TRY(const auto container, running_container(parts, order));
  state["container"] = to_json(docker_socket(), container);
  state["started_at"] = container.started_at;
  co_return success();
}

asio::awaitable<Result<Proof>> take_container_down(Parts& parts, const protocol::StepOrder& order, Seen seen,
                                                   std::string what) {
  const auto* known = seen.if_contains("container");
  if (known == nullptr) co_return usage_error(order.fault + ": no container was looked at");
  const std::string socket = docker_socket(), id{known->at("id").as_string()};
  const std::string before{seen.at("started_at").as_string()};
  const std::int64_t asked = monotonic_ns();
  const std::function<Result<void>()> tell = [socket, id, what] { return tell_container(socket, id, what, told_max); };
  BOOST_OUTCOME_CO_TRY(co_await elsewhere(tell));
  const std::function<Result<Container>()> inspect = [socket, id] { return inspect_container(socket, id); };
  while (true) {
    BOOST_OUTCOME_CO_TRY(const auto now, co_await elsewhere(inspect));
    const std::int64_t seen_at = monotonic_ns();
    if (!now.running) {
      parts.holdings()[order.number] = std::make_unique<HeldDown>(socket, id, before);
      co_return Proof{seen_at, fmt::format("container {} is down after {} ms, exit code {}", now.name,
                                           (seen_at - asked) / 1'000'000, now.exit_code)};
    }
    if (now.started_at != before)
      co_return not_proven(order, fmt::format("somebody else started container {} at once", now.name));
    if (seen_at - asked > (told_max + down_max).count())
      co_return not_proven(order, fmt::format("container {} still runs", now.name));
    co_await pause_for(std::chrono::milliseconds{20});
  }
}

asio::awaitable<Result<Proof>> start_container_again(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  parts.holdings().erase(order.number);
  const std::function<Result<std::string>()> start = [state = seen] { return start_again(state); };
  auto started = co_await elsewhere(start);
  if (started.has_error()) co_return not_restored(order, started.error());
  co_return Proof{monotonic_ns(), std::move(started).value()};
}

Ability try_docker() {
  const auto answer = engine_version(docker_socket());
  if (answer.has_value()) return {.how = "Docker " + answer.value()};
  return {answer.error().context, "install and start a Docker engine, or name its socket in TROOP_DOCKER_SOCKET"};
}

}  // namespace troop::agents
