#include "agents/faults/process_faults.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "agents/faults/control_faults.hpp"
#include "agents/rabbitmq/ability.hpp"
#include "scenarios/model/faults/catalogue.hpp"

namespace troop::agents {
namespace {

constexpr Duration down_max = std::chrono::seconds{20};
constexpr Duration state_change_max = std::chrono::seconds{2};

Result<Part*> victim(Parts& parts, const protocol::StepOrder& order) {
  Part* part = parts.find(order.victim);
  if (part == nullptr) return usage_error(order.fault + ": there is no part named '" + order.victim + "'");
  return part;
}

bool is_stopped(char state) { return state == 'T'; }
bool runs(char state) { return state != 'T' && state != '\0'; }

/// Waits for a state letter for which `wanted` is true.
asio::awaitable<bool> state_becomes(Process& process, bool (*wanted)(char)) {
  const std::int64_t deadline = monotonic_ns() + state_change_max.count();
  while (!wanted(process_state(process.pid()))) {
    if (monotonic_ns() >= deadline || !process.alive()) co_return false;
    co_await pause_for(std::chrono::milliseconds{1});
  }
  co_return true;
}

/// Of an attached broker, as far as there is somebody to ask.
asio::awaitable<Result<void>> silent(Parts& parts, const protocol::StepOrder& order) {
  BrokerControl* const control = parts.control_of(order.victim);
  if (control == nullptr) co_return success();
  BOOST_OUTCOME_CO_TRY(const bool accepts, co_await control->accepts_clients());
  if (accepts) co_return not_proven(order, order.victim + " accepts clients again");
  co_return success();
}

}  // namespace

int ending_signal(const protocol::StepOrder& order) {
  const auto given = order.parameters.find("signal");
  if (given == order.parameters.end()) return SIGKILL;
  const std::string name = text_parameter(order, "signal", "");
  const auto* spec = model::find_fault(model::faults(), order.fault);
  const auto offers = [&](const model::Parameter& each) {
    return each.name == "signal" && std::ranges::find(each.choices, name) != each.choices.end();
  };
  if (spec == nullptr || std::ranges::none_of(spec->parameters, offers)) return 0;
  for (int number = 1; number < SIGRTMIN; ++number) {
    const char* abbreviation = sigabbrev_np(number);
    if (abbreviation != nullptr && name == std::string{"SIG"} + abbreviation) return number;
  }
  return 0;
}

Result<UndoRecord> plan_on_part(Parts& parts, const protocol::StepOrder& order) {
  BOOST_OUTCOME_TRY(victim(parts, order));
  return UndoRecord{"fault", {{"fault", order.fault}, {"victim", order.victim}}};
}

Ability able_to_signal_broker() {
  const Ability broker = try_broker();
  return broker.able() ? try_processes() : broker;
}

asio::awaitable<Result<Proof>> take_down(Parts& parts, const protocol::StepOrder& order, int number) {
  BOOST_OUTCOME_CO_TRY(auto part, victim(parts, order));
  if (Outsider* outsider = part->outsider()) co_return co_await outsider->take_down(number);
  Process& process = part->process();
  part->meant_to_run = false;
  const std::int64_t asked = monotonic_ns();
  BOOST_OUTCOME_CO_TRY(process.signal(number));
  const bool down = co_await process.ended_within(down_max);
  if (!down) {
    co_return Error{ErrorKind::timeout, fmt::format("{}: pid {} still runs {} after signal {}", order.fault,
                                                    process.pid(), model::to_text(down_max), number)};
  }
  const std::int64_t now = monotonic_ns();
  co_return Proof{
      now, fmt::format("pid {} gone after {} ms: {}", process.pid(), (now - asked) / 1'000'000, process.ending())};
}

asio::awaitable<Result<void>> still_down(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto part, victim(parts, order));
  if (part->outsider() != nullptr) co_return co_await silent(parts, order);
  if (part->process().alive()) co_return not_proven(order, part->name() + " runs again");
  co_return success();
}

asio::awaitable<Result<Proof>> bring_back(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto part, victim(parts, order));
  if (Outsider* outsider = part->outsider()) co_return co_await outsider->bring_back();
  if (!part->process().alive()) {
    BOOST_OUTCOME_CO_TRY(part->start());
  }
  co_return co_await part->ready();
}

asio::awaitable<Result<Proof>> stop_running(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto part, victim(parts, order));
  if (Outsider* outsider = part->outsider()) co_return co_await outsider->pause();
  BOOST_OUTCOME_CO_TRY(part->process().signal(SIGSTOP));
  const bool stopped = co_await state_becomes(part->process(), is_stopped);
  if (!stopped) {
    co_return Error{ErrorKind::timeout, order.fault + ": the process did not stop"};
  }
  co_return Proof{monotonic_ns(), fmt::format("pid {} is in state T", part->process().pid())};
}

asio::awaitable<Result<void>> still_stopped(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto part, victim(parts, order));
  if (part->outsider() != nullptr) co_return co_await silent(parts, order);
  if (!part->process().alive()) co_return not_proven(order, part->name() + " has ended: " + part->process().ending());
  if (!is_stopped(process_state(part->process().pid()))) co_return not_proven(order, part->name() + " goes on");
  co_return success();
}

asio::awaitable<Result<Proof>> let_run(Parts& parts, const protocol::StepOrder& order, Seen) {
  BOOST_OUTCOME_CO_TRY(auto part, victim(parts, order));
  if (Outsider* outsider = part->outsider()) co_return co_await outsider->go_on();
  if (auto sent = part->process().signal(SIGCONT); sent.has_error()) {
    co_return Error{ErrorKind::unrestored, order.fault + ": " + sent.error().context};
  }
  const bool goes_on = co_await state_becomes(part->process(), runs);
  if (!goes_on) {
    co_return Error{ErrorKind::unrestored, order.fault + ": the process did not go on"};
  }
  co_return co_await part->ready();
}

}  // namespace troop::agents
