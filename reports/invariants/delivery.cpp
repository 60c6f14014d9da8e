// No confirmed message is lost (delivered and, where effects are recorded, processed), none comes from nowhere, none
// comes more often than promised.
#include <fmt/format.h>

#include <algorithm>

#include "reports/invariants/copies.hpp"
#include "reports/invariants/findings.hpp"
#include "reports/invariants/invariant.hpp"

namespace troop::invariants {
namespace {

enum class Guarantee { at_least_once, at_most_once, exactly_once };

std::vector<std::string> violations(Guarantee guarantee) {
  switch (guarantee) {
    case Guarantee::at_least_once:
      return {"lost", "unexpected", "aborted"};
    case Guarantee::at_most_once:
      return {"duplicated", "redelivered", "unexpected", "aborted"};
    case Guarantee::exactly_once:
      break;
  }
  return {"lost", "duplicated", "redelivered", "unexpected", "aborted"};
}

std::int64_t index_of(Row event) { return event == none ? -1 : std::int64_t{event}; }

class DeliveryInvariant final : public Invariant {
 public:
  DeliveryInvariant(Guarantee guarantee, std::vector<std::string> expect)
      : guarantee_(guarantee), expect_(std::move(expect)) {}

  void observe(const history::Event&, const Delivery&, Evidence&) override {}  // the ledger has it all
  Judgement conclude(const Evidence& evidence, bool complete) override;

 private:
  void count_attempts(const Ledger& ledger);
  void judge(const CopyView& copy, const Ledger& ledger, Findings& findings);

  Guarantee guarantee_;
  std::vector<std::string> expect_;
  std::int64_t attempted_ = 0, confirmed_ = 0, failed_ = 0, indeterminate_ = 0;
  bool effects_promised_ = false;
  std::int64_t delivered_ = 0, processed_ = 0, recovered_ = 0;
  std::int64_t pending_ = 0;  ///< Confirmed, not seen, and the queue not proven empty.
  std::int64_t unclear_ = 0;  ///< Confirmed, and the history does not say what became of it.
};

void DeliveryInvariant::count_attempts(const Ledger& ledger) {
  for (Row row = 0; row < ledger.attempt_count(); ++row) {
    ++attempted_;
    switch (ledger.fate(ledger.attempt(row))) {
      case Fate::confirmed:
        ++confirmed_;
        break;
      case Fate::failed:
        ++failed_;
        break;
      default:
        ++indeterminate_;
    }
  }
}

void DeliveryInvariant::judge(const CopyView& copy, const Ledger& ledger, Findings& findings) {
  const auto id = ledger.id(copy.message);
  if (copy.delivered() || copy.processed()) {
    const std::int64_t delivery = copy.delivered() ? copy.copy->first_delivery : copy.copy->first_effect;
    ++delivered_;
    if (copy.processed()) ++processed_;
    if (!copy.published) {
      findings.add("unexpected", id, {delivery}, delivery, delivery);
    } else if (!copy.confirmed && copy.indeterminate) {
      ++recovered_;
    } else if (!copy.confirmed) {
      const Attempt& failed = ledger.attempt(copy.failed_by);
      findings.add("aborted", id, {index_of(failed.invoke), index_of(failed.completion), delivery}, copy.first_publish,
                   delivery);
    }
    // Delivered is not processed.
    if (copy.processed() || !(effects_promised_ || ledger.records_effects(copy.queue))) return;
  }
  if (!copy.confirmed) {
    // Published to nobody's knowledge, and never seen: no promise was broken, but it is gone all the same.
    if (copy.indeterminate && !copy.sunk() && !copy.unclear && copy.drained != none) {
      findings.add("vanished", id, {index_of(copy.first_publish)}, copy.first_publish, copy.drained);
    }
    return;
  }
  if (copy.sunk()) {
    if ((copy.copy->sinks & ~unknown_sink) == 0) ++unclear_;
  } else if (copy.unclear) {
    ++unclear_;
  } else if (copy.drained == none) {
    ++pending_;
  } else {
    const Attempt& confirmed = ledger.attempt(copy.confirmed_by);
    findings.add("lost", id,
                 {index_of(confirmed.invoke), index_of(confirmed.completion),
                  copy.delivered() ? index_of(copy.copy->first_delivery) : -1},
                 copy.first_publish, copy.drained);
  }
}

Judgement DeliveryInvariant::conclude(const Evidence& evidence, bool complete) {
  const Ledger& ledger = evidence.ledger;
  Findings findings{evidence, violations(guarantee_), expect_};
  count_attempts(ledger);
  effects_promised_ = evidence.run.consumers_record_effects;
  for_each_copy(ledger, [&](const CopyView& copy) { judge(copy, ledger, findings); });
  for (std::size_t i = 0; i < ledger.repeats().size(); ++i) {
    const Repeat& repeat = ledger.repeats()[i];
    const Copy& copy = ledger.copy(repeat.copy);
    const Row publish = ledger.message(copy.message).first_publish;
    const Row first = publish == none ? copy.first_delivery : std::min(publish, copy.first_delivery);
    findings.add(repeat.redelivered ? "redelivered" : "duplicated", ledger.id(copy.message),
                 {copy.first_delivery, repeat.event}, first, repeat.event);
  }

  Judgement judgement;
  judgement.kind = "delivery";
  judgement.outcome = Outcome::holds;
  judgement.counts = {{"attempted", attempted_},
                      {"confirmed", confirmed_},
                      {"failed", failed_},
                      {"indeterminate", indeterminate_},
                      {"delivered", delivered_},
                      {"lost", findings.count("lost")},
                      {"unexpected", findings.count("unexpected")},
                      {"duplicated", findings.count("duplicated")},
                      {"redelivered", findings.count("redelivered")},
                      {"recovered", recovered_},
                      {"aborted", findings.count("aborted")}};
  if (findings.count("vanished") > 0) judgement.counts.emplace_back("vanished", findings.count("vanished"));
  if (processed_ > 0 || effects_promised_) judgement.counts.emplace_back("processed", processed_);
  findings.conclude(judgement, complete && pending_ == 0 && unclear_ == 0);
  // What a run did not get through to anybody tests nothing, unless that is what it set out to show. A history from
  // elsewhere may be a piece of one.
  const bool showed = std::ranges::any_of(expect_, [&](const auto& kind) { return findings.count(kind) > 0; });
  if (attempted_ == 0 && delivered_ == 0) {
    raise(judgement, Outcome::unknown, "nothing was tested: no publish and no delivery");
  } else if (evidence.run.started && confirmed_ == 0 && delivered_ == 0 && !showed) {
    raise(judgement, Outcome::unknown, "nothing was tested: no publish was confirmed, and nothing delivered");
  }
  if (pending_ > 0) {
    raise(judgement, Outcome::unknown,
          fmt::format("{} confirmed not seen, and no drain proves their queue was read to its end", pending_));
  }
  if (unclear_ > 0) {
    raise(
        judgement, Outcome::unknown,
        fmt::format("{} confirmed whose end the history does not tell (no queue, or a sink we do not know)", unclear_));
  }
  if (ledger.unidentified() > 0) {
    raise(judgement, Outcome::unknown, fmt::format("{} events name no message id", ledger.unidentified()));
  }
  return judgement;
}

}  // namespace

Result<std::unique_ptr<Invariant>> make_delivery(const model::InvariantSpec& spec) {
  const auto guarantee = parameter<std::string>(spec, "guarantee", "");
  std::unique_ptr<Invariant> made;
  if (guarantee == "at-least-once") made = std::make_unique<DeliveryInvariant>(Guarantee::at_least_once, spec.expect);
  if (guarantee == "at-most-once") made = std::make_unique<DeliveryInvariant>(Guarantee::at_most_once, spec.expect);
  if (guarantee == "exactly-once") made = std::make_unique<DeliveryInvariant>(Guarantee::exactly_once, spec.expect);
  if (!made) return usage_error("delivery: 'guarantee' must be at-least-once, at-most-once or exactly-once");
  return made;
}

}  // namespace troop::invariants
