// Nothing vanishes: every confirmed copy was delivered and acknowledged, or is in a sink.
#include <fmt/format.h>

#include <array>

#include "reports/invariants/copies.hpp"
#include "reports/invariants/findings.hpp"
#include "reports/invariants/invariant.hpp"

namespace troop::invariants {
namespace {

struct SinkName {
  Sink bit;
  std::string_view name;
};
constexpr std::array<SinkName, 5> sink_names{{{dead_lettered, "dead-lettered"},
                                              {expired, "expired"},
                                              {rejected, "rejected"},
                                              {overflow, "overflow"},
                                              {queued, "queued"}}};

class AccountingInvariant final : public Invariant {
 public:
  explicit AccountingInvariant(std::vector<std::string> expect) : expect_(std::move(expect)) {}

  void observe(const history::Event&, const Delivery&, Evidence&) override {}  // the ledger has it all
  Judgement conclude(const Evidence& evidence, bool complete) override;

 private:
  std::vector<std::string> expect_;
};

Judgement AccountingInvariant::conclude(const Evidence& evidence, bool complete) {
  const Ledger& ledger = evidence.ledger;
  // Where nobody records acks, a delivery is all that can be seen; a refusal is still a refusal.
  const bool acks_seen = ledger.acks() > 0 && evidence.run.consumers_acknowledge;
  Findings findings{evidence, {"unaccounted"}, expect_};
  std::array<std::int64_t, sink_names.size()> sunk{};
  std::int64_t confirmed = 0, acknowledged = 0, pending = 0, unclear = 0;
  for_each_copy(ledger, [&](const CopyView& view) {
    const std::uint8_t sinks = view.copy == nullptr ? std::uint8_t{0} : view.copy->sinks;
    for (std::size_t i = 0; i < sink_names.size(); ++i) sunk[i] += (sinks & sink_names[i].bit) != 0 ? 1 : 0;
    if (!view.confirmed) return;
    ++confirmed;
    const bool acked = view.delivered() && (view.copy->acknowledged || (!acks_seen && view.copy->unrefused > 0));
    if (acked) ++acknowledged;
    if (acked || (sinks & ~unknown_sink) != 0) return;
    if (sinks != 0 || view.unclear || (view.delivered() && view.copy->untagged) ||
        (!view.delivered() && view.processed())) {
      ++unclear;
    } else if (view.drained == none) {
      ++pending;
    } else {
      const Attempt& attempt = ledger.attempt(view.confirmed_by);
      const auto index = [](Row event) { return event == none ? -1 : std::int64_t{event}; };
      findings.add(
          "unaccounted", ledger.id(view.message),
          {index(attempt.invoke), index(attempt.completion), view.delivered() ? index(view.copy->first_delivery) : -1},
          view.first_publish, view.drained);
    }
  });

  Judgement judgement;
  judgement.kind = "accounting";
  judgement.outcome = Outcome::holds;
  judgement.counts.emplace_back("acknowledged", acknowledged);
  for (std::size_t i = 0; i < sink_names.size(); ++i) judgement.counts.emplace_back(sink_names[i].name, sunk[i]);
  judgement.counts.emplace_back("unaccounted", findings.count("unaccounted"));
  findings.conclude(judgement, complete && pending == 0 && unclear == 0);
  if (!acks_seen && evidence.run.acks_announced && acknowledged > 0) {
    raise(judgement, Outcome::unknown, "the run's consumers acknowledge, and the history has no ack");
  }
  if (confirmed == 0) raise(judgement, Outcome::unknown, "nothing was tested: no publish was confirmed");
  if (pending > 0) {
    raise(judgement, Outcome::unknown,
          fmt::format("{} confirmed not accounted for, and no drain proves their queue was read to its end", pending));
  }
  if (unclear > 0) {
    raise(judgement, Outcome::unknown,
          fmt::format("{} confirmed whose end the history does not tell (no queue or tag, or a sink we do not know)",
                      unclear));
  }
  if (ledger.unidentified() > 0) {
    raise(judgement, Outcome::unknown, fmt::format("{} events name no message id", ledger.unidentified()));
  }
  return judgement;
}

}  // namespace

Result<std::unique_ptr<Invariant>> make_accounting(const model::InvariantSpec& spec) {
  return std::unique_ptr<Invariant>{std::make_unique<AccountingInvariant>(spec.expect)};
}

}  // namespace troop::invariants
