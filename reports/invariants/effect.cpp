// What a message stands for happens exactly once, however often the message comes.
#include <fmt/format.h>

#include "reports/invariants/copies.hpp"
#include "reports/invariants/findings.hpp"
#include "reports/invariants/invariant.hpp"

namespace troop::invariants {
namespace {

class EffectInvariant final : public Invariant {
 public:
  explicit EffectInvariant(std::vector<std::string> expect) : expect_(std::move(expect)) {}

  void observe(const history::Event&, const Delivery&, Evidence&) override {}  // the ledger has it all
  Judgement conclude(const Evidence& evidence, bool complete) override;

 private:
  std::vector<std::string> expect_;
};

std::int64_t index_of(Row event) { return event == none ? -1 : std::int64_t{event}; }

Judgement EffectInvariant::conclude(const Evidence& evidence, bool complete) {
  const Ledger& ledger = evidence.ledger;
  Findings findings{evidence, {"double", "lost"}, expect_};
  for (std::size_t i = 0; i < ledger.double_effects().size(); ++i) {
    const Repeat& second = ledger.double_effects()[i];
    const Copy& copy = ledger.copy(second.copy);
    const Row publish = ledger.message(copy.message).first_publish;
    findings.add("double", ledger.id(copy.message), {index_of(copy.first_effect), index_of(second.event)},
                 publish == none ? copy.first_effect : std::min(publish, copy.first_effect), second.event);
  }
  std::int64_t pending = 0, unclear = 0, confirmed = 0;
  for_each_copy(ledger, [&](const CopyView& copy) {
    const bool due = evidence.run.consumers_record_effects || ledger.records_effects(copy.queue);
    if (copy.confirmed) ++confirmed;
    if (!due || !copy.confirmed || copy.processed()) return;
    if (copy.sunk()) {
      if ((copy.copy->sinks & ~unknown_sink) == 0) ++unclear;
      return;
    }
    if (copy.drained == none) {
      ++pending;
      return;
    }
    const Attempt& attempt = ledger.attempt(copy.confirmed_by);
    findings.add("lost", ledger.id(copy.message),
                 {index_of(attempt.invoke), copy.delivered() ? index_of(copy.copy->first_delivery) : -1},
                 copy.first_publish, copy.drained);
  });

  Judgement judgement;
  judgement.kind = "effect";
  judgement.outcome = Outcome::holds;
  judgement.counts = {
      {"effects", ledger.effects()}, {"double", findings.count("double")}, {"lost", findings.count("lost")}};
  findings.conclude(judgement, complete && pending == 0 && unclear == 0);
  if (confirmed == 0) raise(judgement, Outcome::unknown, "nothing was tested: no publish was confirmed");
  if (ledger.effects() == 0) {
    raise(judgement, Outcome::unknown,
          "no effect names its message: set workload.consume.effects = true, or send effect events with an id");
  }
  if (pending > 0) {
    raise(judgement, Outcome::unknown,
          fmt::format("{} confirmed without an effect, and no drain proves their queue was read to its end", pending));
  }
  if (unclear > 0) {
    raise(judgement, Outcome::unknown,
          fmt::format("{} confirmed without an effect ended in a sink that we do not know", unclear));
  }
  if (ledger.unidentified() > 0) {
    raise(judgement, Outcome::unknown, fmt::format("{} events name no message id", ledger.unidentified()));
  }
  return judgement;
}

}  // namespace

Result<std::unique_ptr<Invariant>> make_effect(const model::InvariantSpec& spec) {
  return std::unique_ptr<Invariant>{std::make_unique<EffectInvariant>(spec.expect)};
}

}  // namespace troop::invariants
