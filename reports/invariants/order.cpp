// First deliveries come in the order of their sequence numbers, against the running maximum of their group.
#include <fmt/format.h>

#include "reports/invariants/findings.hpp"
#include "reports/invariants/invariant.hpp"

namespace troop::invariants {
namespace {

enum class Per { key, producer, queue };

/// What has an order of its own; parts that do not count are no_symbol.
struct Group {
  Symbol producer, key, queue, channel;
  bool operator==(const Group&) const = default;
};

struct GroupHash {
  std::size_t operator()(const Group& g) const {
    const std::uint64_t a = (std::uint64_t{g.producer} << 32) | g.key;
    const std::uint64_t b = (std::uint64_t{g.queue} << 32) | g.channel;
    return static_cast<std::size_t>(a * 0x9e3779b97f4a7c15U ^ (b + (a >> 29)) * 0xbf58476d1ce4e5b9U);
  }
};

struct Maximum {
  std::int64_t seq = -1;
  Row event = none;
};

struct Inversion {
  Row message;
  Row leader;    ///< The delivery that holds the maximum.
  Row follower;  ///< The delivery behind it.
};

class OrderInvariant final : public Invariant {
 public:
  OrderInvariant(Per per, std::vector<std::string> expect) : per_(per), expect_(std::move(expect)) {}

  void observe(const history::Event& event, const Delivery& delivery, Evidence& evidence) override;
  Judgement conclude(const Evidence& evidence, bool complete) override;

 private:
  Per per_;
  std::vector<std::string> expect_;
  boost::unordered_flat_map<Group, Maximum, GroupHash> groups_;
  Chunked<Inversion> inversions_;
  std::int64_t judged_ = 0, without_seq_ = 0, max_displacement_ = 0, redelivered_inversions_ = 0;
};

void OrderInvariant::observe(const history::Event& event, const Delivery& delivery, Evidence& evidence) {
  if (delivery.copy == none) return;
  Ledger& ledger = evidence.ledger;
  const Row message_row = ledger.copy(delivery.copy).message;
  const Message& message = ledger.message(message_row);
  const std::int64_t seq = event.seq >= 0 ? event.seq : message.seq;
  if (seq < 0) {
    ++without_seq_;
    return;
  }
  Group group{no_symbol, no_symbol, ledger.name(event.queue), ledger.name(event.channel)};
  if (per_ != Per::queue) group.producer = event.producer.empty() ? message.producer : ledger.name(event.producer);
  if (per_ == Per::key) group.key = event.key.empty() ? message.key : ledger.name(event.key);
  Maximum& maximum = groups_[group];
  const bool behind = maximum.event != none && seq < maximum.seq;
  // A flagged first delivery behind the maximum comes from a consumer that died before it could record it: RabbitMQ
  // puts it back where it can, and promises no order for it.
  const bool again = !delivery.first || !delivery.first_attempt;
  if (again || (behind && event.redelivered)) {
    if (behind) ++redelivered_inversions_;
    return;
  }
  ++judged_;
  if (behind) {
    inversions_.push_back({message_row, maximum.event, static_cast<Row>(event.index)});
    max_displacement_ = std::max(max_displacement_, maximum.seq - seq);
  } else {
    maximum = {seq, static_cast<Row>(event.index)};
  }
}

Judgement OrderInvariant::conclude(const Evidence& evidence, bool complete) {
  const Ledger& ledger = evidence.ledger;
  Findings findings{evidence, {"inversion"}, expect_};
  for (std::size_t i = 0; i < inversions_.size(); ++i) {
    const Inversion& found = inversions_[i];
    const Row publish = ledger.message(found.message).first_publish;
    findings.add("inversion", ledger.id(found.message), {found.leader, found.follower},
                 publish == none ? found.leader : std::min(publish, found.follower), found.follower);
  }
  Judgement judgement;
  judgement.kind = "order";
  judgement.outcome = Outcome::holds;
  judgement.counts = {{"inversions", static_cast<std::int64_t>(inversions_.size())},
                      {"max_displacement", max_displacement_},
                      {"redelivered_inversions", redelivered_inversions_}};
  findings.conclude(judgement, complete);
  if (judged_ == 0) {
    raise(judgement, Outcome::unknown,
          without_seq_ > 0 ? "no delivery has a sequence number" : "nothing was tested: no first delivery to judge");
  } else if (without_seq_ > 0) {
    raise(judgement, Outcome::unknown, fmt::format("{} deliveries have no sequence number", without_seq_));
  }
  return judgement;
}

}  // namespace

Result<std::unique_ptr<Invariant>> make_order(const model::InvariantSpec& spec) {
  const auto per = parameter<std::string>(spec, "per", "key");
  std::unique_ptr<Invariant> made;
  if (per == "key") made = std::make_unique<OrderInvariant>(Per::key, spec.expect);
  if (per == "producer") made = std::make_unique<OrderInvariant>(Per::producer, spec.expect);
  if (per == "queue") made = std::make_unique<OrderInvariant>(Per::queue, spec.expect);
  if (!made) return usage_error("order: 'per' must be key, producer or queue");
  return made;
}

}  // namespace troop::invariants
