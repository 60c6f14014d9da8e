// The contract of an invariant, and what one is given to judge.
#pragma once

#include <functional>
#include <memory>

#include "common/error.hpp"
#include "reports/history/event.hpp"
#include "reports/invariants/clocks.hpp"
#include "reports/invariants/faults.hpp"
#include "reports/invariants/ledger.hpp"
#include "reports/invariants/run_info.hpp"
#include "reports/invariants/verdict.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::invariants {

/// What all invariants share: kept up to date before each of them sees an event.
struct Evidence {
  Ledger ledger;
  Faults faults;
  RunInfo run;
  Clocks clocks;
  bool control = false;  ///< A run without the faults: what is expected of them violates here.
};

/// Judges one history. No clock, no I/O, no randomness: same events, same verdict.
class Invariant {
 public:
  virtual ~Invariant() = default;
  /// Once per event, in history order; `evidence` includes it, and `delivery` is what a deliver event turned out to be.
  virtual void observe(const history::Event& event, const Delivery& delivery, Evidence& evidence) = 0;
  /// Once, after the last event; `complete` is false if the history was cut short. Evidence that cannot be used makes
  /// the outcome unknown, with a reason; it is never an error. The caller turns `holds` into unknown where not
  /// complete.
  virtual Judgement conclude(const Evidence& evidence, bool complete) = 0;
};

using MakeInvariant = Result<std::unique_ptr<Invariant>> (*)(const model::InvariantSpec&);

Result<std::unique_ptr<Invariant>> make_delivery(const model::InvariantSpec& spec);
Result<std::unique_ptr<Invariant>> make_order(const model::InvariantSpec& spec);
Result<std::unique_ptr<Invariant>> make_accounting(const model::InvariantSpec& spec);
Result<std::unique_ptr<Invariant>> make_effect(const model::InvariantSpec& spec);
Result<std::unique_ptr<Invariant>> make_recovery(const model::InvariantSpec& spec);
Result<std::unique_ptr<Invariant>> make_exercised(const model::InvariantSpec& spec);

/// Makes the outcome at least as severe as `outcome`, and says why.
void raise(Judgement& judgement, Outcome outcome, std::string reason);

/// A parameter of the spec, or `fallback` where it is not given or of another type.
template <class T>
T parameter(const model::InvariantSpec& spec, std::string_view name, T fallback) {
  const auto found = spec.parameters.find(name);
  if (found == spec.parameters.end()) return fallback;
  const T* const value = std::get_if<T>(&found->second);
  return value == nullptr ? fallback : *value;
}

}  // namespace troop::invariants
