// process.kill: a worker gets a signal that ends it, and is started again under its name.
#include <csignal>
#include <map>

#include "agents/faults/process_faults.hpp"
#include "agents/faults/table.hpp"

namespace troop::agents {
namespace {

/// The parameter `signal`, as the catalogue lists its choices.
int chosen_signal(const protocol::StepOrder& order) {
  static const std::map<std::string, int, std::less<>> numbers{{"SIGKILL", SIGKILL}, {"SIGTERM", SIGTERM},
                                                               {"SIGINT", SIGINT},   {"SIGQUIT", SIGQUIT},
                                                               {"SIGABRT", SIGABRT}, {"SIGSEGV", SIGSEGV}};
  const auto parameter = order.parameters.find("signal");
  if (parameter == order.parameters.end()) return SIGKILL;
  const auto* name = std::get_if<std::string>(&parameter->second);
  const auto number = name == nullptr ? numbers.end() : numbers.find(*name);
  return number == numbers.end() ? 0 : number->second;
}

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  if (chosen_signal(order) == 0) return usage_error("process.kill: 'signal' names none of the known signals");
  return plan_on_part(parts, order);
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen) {
  return take_down(parts, order, chosen_signal(order));
}

}  // namespace

const Fault process_kill{
    .name = "process.kill",
    .plan = plan,
    .apply = apply,
    .revert = bring_back,
    .able = try_processes,
};

}  // namespace troop::agents
