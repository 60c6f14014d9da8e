// process.kill: a worker gets a signal that ends it, and is started again under its name; or processes of the host get
// one.
#include <fmt/format.h>

#include <csignal>

#include "agents/faults/control_faults.hpp"
#include "agents/faults/process_faults.hpp"
#include "agents/faults/selected_processes.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace {

constexpr Duration down_max = std::chrono::seconds{20};

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  if (ending_signal(order) == 0) return usage_error("process.kill: 'signal' names none of the known signals");
  return selects_processes(order) ? plan_on_processes(parts, order) : plan_on_part(parts, order);
}

asio::awaitable<Result<void>> look(Parts& parts, const protocol::StepOrder& order, boost::json::object& state) {
  if (!selects_processes(order)) co_return success();
  co_return look_at_processes(parts, order, state);
}

/// A program that takes it for a request, such as to read its configuration again, is not ended by it.
bool is_request(int number) { return number == SIGHUP || number == SIGUSR1 || number == SIGUSR2; }

asio::awaitable<Result<Proof>> hit(Parts& parts, const protocol::StepOrder& order, Seen seen, int number) {
  BOOST_OUTCOME_CO_TRY(const auto pinned, pin(parts, order, seen));
  std::vector<bool> handled;
  for (const auto& process : pinned) handled.push_back(is_request(number) && handles(process.pid(), number));
  const std::int64_t asked = monotonic_ns();
  for (const auto& process : pinned) {
    BOOST_OUTCOME_CO_TRY(process.signal(number));
  }
  std::size_t gone = 0;
  for (std::size_t i = 0; i < pinned.size(); ++i) {
    while (pinned[i].alive() && !(handled[i] && !is_pending(pinned[i].pid(), number))) {
      if (monotonic_ns() - asked > down_max.count()) {
        co_return not_proven(order, fmt::format("pid {} still runs {} after signal {}", pinned[i].pid(),
                                                model::to_text(down_max), number));
      }
      co_await pause_for(std::chrono::milliseconds{1});
    }
    if (!pinned[i].alive()) ++gone;
  }
  const std::int64_t now = monotonic_ns();
  co_return Proof{
      now, fmt::format("{}: {} of {} gone after {} ms{}", told(pinned), gone, pinned.size(), (now - asked) / 1'000'000,
                       gone == pinned.size() ? "" : ", the others have handled the signal")};
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  const int number = ending_signal(order);
  if (selects_processes(order)) return hit(parts, order, seen, number);
  return take_down(parts, order, number);
}

/// What others run is theirs to start again: only told.
asio::awaitable<Result<Proof>> count_again(Parts& parts, const protocol::StepOrder& order) {
  const auto selector = selector_of(parts, order);
  const auto never = protected_here(parts);
  std::string seen = "how many match now cannot be told";
  if (selector.has_value() && never.has_value()) {
    seen = fmt::format("{} processes match {} now",
                       matching(table_for(selector.value()), selector.value(), never.value()).size(),
                       selector.value().written);
  }
  co_return Proof{monotonic_ns(), "nothing is to be put back; " + seen};
}

asio::awaitable<Result<void>> in_force(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  if (selects_processes(order)) co_return success();
  co_return co_await still_down(parts, order, seen);
}

asio::awaitable<Result<Proof>> revert(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  return selects_processes(order) ? count_again(parts, order) : bring_back(parts, order, seen);
}

}  // namespace

const Fault process_kill{
    .name = "process.kill",
    .plan = plan,
    .look = look,
    .apply = apply,
    .revert = revert,
    .in_force = in_force,
    .able = try_processes,
};

}  // namespace troop::agents
