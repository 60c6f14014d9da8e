// process.crash_loop: processes of the host are killed, and so is whatever comes back in their place, until it is over.
//
// Those that matched and were not chosen are left alone; everything else that matches is killed. A thread of the
// agent's looks for it, so it ends with its agent, and by itself where nobody renews it.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <thread>

#include "agents/faults/control_faults.hpp"
#include "agents/faults/held.hpp"
#include "agents/faults/selected_processes.hpp"
#include "agents/faults/table.hpp"
#include "agents/paused.hpp"

namespace troop::agents {
namespace {

constexpr Duration look_interval = std::chrono::milliseconds{100};
constexpr Duration gone_max = std::chrono::seconds{5};
constexpr Duration back_max = std::chrono::seconds{5};

std::vector<ProcessRow> matching_now(const protocol::StepOrder& order, const Protected& never) {
  const auto selector = selector_now(order);  // an error: the pid file is not there yet, say
  return selector.has_value() ? matching(table_for(selector.value()), selector.value(), never)
                              : std::vector<ProcessRow>{};
}

class KillingAgain : public Holding {
 public:
  KillingAgain(protocol::StepOrder order, Protected never, std::vector<ProcessIdentity> spared, std::size_t matched)
      : order_(std::move(order)),
        never_(std::move(never)),
        spared_(std::move(spared)),
        matched_(matched),
        renewed_(monotonic_ns()),
        thread_([this](const std::stop_token& end) { work(end); }) {}

  Result<void> renew() override {
    if (over_)
      return Error{ErrorKind::lost, order_.fault + " had ended: it was not renewed, or what came back is protected"};
    renewed_ = monotonic_ns();
    return success();
  }
  /// Nothing is killed any more when it returns.
  void stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] int returns() const { return returns_; }
  [[nodiscard]] std::size_t matched() const { return matched_; }
  [[nodiscard]] const Protected& never() const { return never_; }

 private:
  void work(const std::stop_token& end) {
    while (!end.stop_requested() && !over_) {
      std::this_thread::sleep_for(look_interval);
      if (monotonic_ns() - renewed_ > protocol::lease.count()) over_ = true;
      if (!end.stop_requested() && !over_) kill_what_is_back();
    }
  }
  void kill_what_is_back() {
    const auto is_spared = [&](const ProcessRow& row) {
      return std::ranges::any_of(spared_, [&](const ProcessIdentity& each) {
        return each.pid == row.identity.pid && each.start_time == row.identity.start_time;
      });
    };
    auto selector = selector_now(order_);
    if (selector.has_error()) return;
    auto& all = selector.value();
    const std::int64_t keep_at_least = all.keep_at_least;  // also of those that others started meanwhile
    all.count = 1;
    all.percent.reset();
    all.keep_at_least = 0;
    const auto table = table_for(all);
    auto back = matching(table, all, never_);
    const auto there = static_cast<std::int64_t>(back.size());
    std::erase_if(back, is_spared);
    const auto most = std::clamp<std::int64_t>(there - keep_at_least, 0, static_cast<std::int64_t>(back.size()));
    back.resize(static_cast<std::size_t>(most));
    if (back.empty()) return;
    if (choose(table, all, never_, Random{0}).has_error()) {
      over_ = true;
      return;
    }
    for (const auto& row : back) {
      const auto pinned = Stranger::find(row.identity.pid);
      if (pinned.has_error() || pinned.value().identity().start_time != row.identity.start_time) continue;
      if (pinned.value().signal(SIGKILL).has_value()) ++returns_;
    }
  }

  protocol::StepOrder order_;
  Protected never_;
  std::vector<ProcessIdentity> spared_;
  std::size_t matched_;
  std::atomic<std::int64_t> renewed_;
  std::atomic<int> returns_ = 0;
  std::atomic<bool> over_ = false;
  std::jthread thread_;  // last: it uses all of the others
};

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  if (!selects_processes(order)) return usage_error(fmt::format("{}: '{}' is no host", order.fault, order.victim));
  return plan_on_processes(parts, order);
}

asio::awaitable<Result<void>> look(Parts& parts, const protocol::StepOrder& order, boost::json::object& state) {
  co_return look_at_processes(parts, order, state);
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  BOOST_OUTCOME_CO_TRY(const auto pinned, pin(parts, order, seen));
  BOOST_OUTCOME_CO_TRY(auto never, protected_here(parts));
  std::vector<ProcessIdentity> spared;
  const auto matched = matching_now(order, never);
  for (const auto& row : matched) {
    const bool is_chosen =
        std::ranges::any_of(pinned, [&](const Stranger& each) { return each.pid() == row.identity.pid; });
    if (!is_chosen) spared.push_back(row.identity);
  }
  for (const auto& process : pinned) {
    BOOST_OUTCOME_CO_TRY(process.signal(SIGKILL));
  }
  const std::int64_t asked = monotonic_ns();
  parts.holdings()[order.number] =
      std::make_unique<KillingAgain>(order, std::move(never), std::move(spared), matched.size());
  for (const auto& process : pinned) {
    while (process.alive()) {
      if (held_by<KillingAgain>(parts, order) == nullptr) co_return undone_meanwhile(order);
      if (monotonic_ns() - asked > gone_max.count())
        co_return not_proven(order, fmt::format("pid {} still runs after SIGKILL", process.pid()));
      co_await pause_for(std::chrono::milliseconds{1});
    }
  }
  const std::int64_t now = monotonic_ns();
  co_return Proof{now, fmt::format("{} gone after {} ms", told(pinned), (now - asked) / 1'000'000)};
}

asio::awaitable<Result<void>> in_force(Parts& parts, const protocol::StepOrder& order, Seen) {
  const auto* held = held_by<KillingAgain>(parts, order);
  if (held != nullptr && held->returns() == 0)
    co_return not_proven(order, "nothing had come back: it was killed once, and no loop was seen");
  co_return success();
}

asio::awaitable<Result<Proof>> revert(Parts& parts, const protocol::StepOrder& order, Seen) {
  auto* held = held_by<KillingAgain>(parts, order);
  if (held == nullptr) co_return Proof{monotonic_ns(), "nothing is killed any more"};
  held->stop();
  const int returns = held->returns();
  const std::size_t before = held->matched();
  const Protected never = held->never();
  parts.holdings().erase(order.number);
  if (returns == 0) co_return Proof{monotonic_ns(), "nothing is killed any more, and nothing had come back"};
  const std::int64_t asked = monotonic_ns();
  std::size_t now_there = matching_now(order, never).size();
  while (now_there < before && monotonic_ns() - asked < back_max.count()) {
    co_await pause_for(look_interval);
    now_there = matching_now(order, never).size();
  }
  const std::int64_t now = monotonic_ns();
  co_return Proof{now, fmt::format("killed again {} times; {} of {} processes are there {} ms later", returns,
                                   now_there, before, (now - asked) / 1'000'000)};
}

}  // namespace

const Fault process_crash_loop{
    .name = "process.crash_loop",
    .plan = plan,
    .look = look,
    .apply = apply,
    .revert = revert,
    .in_force = in_force,
    .able = try_processes,
};

}  // namespace troop::agents
