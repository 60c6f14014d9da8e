#include "agents/faults/altered_packets.hpp"

#include "agents/faults/traffic_class.hpp"
#include "agents/host/packet_copier.hpp"
#include "agents/shaping_record.hpp"

namespace troop::agents {
namespace {

/// At the end of the fault, for what netem still holds.
constexpr Duration leaving_max = std::chrono::seconds{1};

Result<bool> is_of_leaving(const protocol::StepOrder& order) {
  static constexpr std::array directions{std::pair{std::string_view{"in"}, false},
                                         std::pair{std::string_view{"out"}, true}};
  return chosen(order, "direction", directions);
}

/// What netem does to each packet of the share. Errors: usage.
Result<Netem> netem_for(const protocol::StepOrder& order, const AlterationRule& rule) {
  switch (rule.what) {
    case Alteration::duplicate:
      return Netem{.duplicates = true};
    case Alteration::corrupt:
      if (rule.checksum == Checksum::wrong) return Netem{.corrupts = true};
      return usage_error(order.fault + ": netem makes no checksum fit; checksum = \"right\" needs direction = \"in\"");
    case Alteration::reorder:
      return Netem{.delay = rule.delay};
    case Alteration::lose:
      break;
  }
  return usage_error(order.fault + ": netem is not made use of for that");
}

Result<Shaping> class_of(Parts& parts, const protocol::StepOrder& order, const AlterationRule& rule) {
  BOOST_OUTCOME_TRY(const auto netem, netem_for(order, rule));
  auto shaping = class_of_netem(parts, order, rule.traffic, netem);
  if (shaping.has_value()) return shaping;
  auto refused = std::move(shaping).error();
  refused.context += "; direction = \"in\" alters packets where they arrive instead";
  return refused;
}

/// The share is counted before it enters the class, and what leaves behind it.
struct HeldShare : HeldClass {
  HeldShare(Parts& parts, protocol::StepOrder order, PacketFilter filter, const AlterationRule& rule, Netem netem,
            Shaping shaping)
      : HeldClass(parts, std::move(order), std::move(filter), rule.traffic, std::move(shaping)),
        what_(rule.what),
        netem_(netem) {}
  [[nodiscard]] std::optional<Netem> netem() const override { return netem_; }
  Result<void> keep() override {
    BOOST_OUTCOME_TRY(still_does(shaping(), netem_));
    return HeldClass::keep();
  }
  Result<std::optional<std::string>> effect() override {
    BOOST_OUTCOME_TRY(const auto met, filter().counters());  // first: what is counted here is soon counted below
    BOOST_OUTCOME_TRY(const auto counts, shaped(shaping()));
    BOOST_OUTCOME_TRY(still_does(shaping(), netem_));
    const std::uint64_t chosen = met.stopped_out, others = met.matched_out - met.stopped_out;
    if (chosen == 0 || counts.packets == 0) return std::nullopt;
    auto text = fmt::format("where they leave (netem), {} packets of {} ", chosen, met.matched_out);
    switch (what_) {
      case Alteration::duplicate:
        // Each twice: of those alone no more could be there.
        if (counts.packets + counts.waiting <= chosen) return std::nullopt;
        text += fmt::format("were doubled: {} left", counts.packets);
        break;
      case Alteration::corrupt:
        text += fmt::format("were corrupted: {} left", counts.packets);
        break;
      default:
        if (others == 0) return std::nullopt;  // nobody could overtake them
        text += fmt::format("were held for {:.2f} ms, as the kernel says, and the others flowed on; {} wait",
                            static_cast<double>(netem_.delay.count()) / 1e6, counts.waiting);
    }
    if (counts.dropped > 0) text += fmt::format("; {} were dropped, for the queue was full", counts.dropped);
    return text;
  }

 private:
  Alteration what_;
  Netem netem_;
};

asio::awaitable<Result<Proof>> alter_leaving(Parts& parts, const protocol::StepOrder& order, Seen seen,
                                             AlterationRule rule) {
  auto shaping = noted_shaping(seen);
  if (shaping.number == 0) co_return Error{ErrorKind::protocol, order.fault + ": nobody looked before"};
  BOOST_OUTCOME_CO_TRY(const auto netem, netem_for(order, rule));
  BOOST_OUTCOME_CO_TRY(leaves_by(shaping, parts, order, rule.traffic));
  auto made = shape(shaping, netem);
  if (made.has_error()) co_return std::move(made).error().within(order.fault);
  auto started = sent_into(shaping, rule.traffic, rule.percent);
  if (started.has_error()) co_return std::move(started).error().within(order.fault);
  auto held = std::make_unique<HeldShare>(parts, order, std::move(started).value(), rule, netem, std::move(shaping));
  held->follow(parts, order, std::move(rule.traffic));
  co_return co_await take_effect(parts, order, std::move(held), network_effect_max + rule.delay);
}

}  // namespace

Result<UndoRecord> plan_to_alter(Parts& parts, const protocol::StepOrder& order, AlterationRuleOf rule_of) {
  BOOST_OUTCOME_TRY(const bool leaving, is_of_leaving(order));
  BOOST_OUTCOME_TRY(const auto rule, rule_of(parts, order));
  if (leaving) {
    BOOST_OUTCOME_TRY(class_of(parts, order, rule));
  } else if (rule.what == Alteration::duplicate) {
    if (auto copier = PacketCopier::open(); copier.has_error()) return std::move(copier).error().within(order.fault);
  }
  BOOST_OUTCOME_TRY(auto record, network_record(order));
  if (leaving) record.kind = shaping_kind;
  return record;
}

asio::awaitable<Result<void>> look_before_altering(Parts& parts, const protocol::StepOrder& order,
                                                   boost::json::object& state, AlterationRuleOf rule_of) {
  BOOST_OUTCOME_CO_TRY(const bool leaving, is_of_leaving(order));
  if (!leaving) co_return success();
  BOOST_OUTCOME_CO_TRY(const auto rule, rule_of(parts, order));
  BOOST_OUTCOME_CO_TRY(const auto shaping, class_of(parts, order, rule));
  note_shaping(state, shaping);
  co_return success();
}

asio::awaitable<Result<Proof>> alter(Parts& parts, const protocol::StepOrder& order, Seen seen,
                                     AlterationRuleOf rule_of) {
  BOOST_OUTCOME_CO_TRY(const bool leaving, is_of_leaving(order));
  BOOST_OUTCOME_CO_TRY(auto rule, rule_of(parts, order));
  if (leaving) co_return co_await alter_leaving(parts, order, seen, std::move(rule));
  co_return co_await alter_packets(parts, order, std::move(rule));
}

asio::awaitable<Result<Proof>> end_altering(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  co_return co_await end_class(parts, order, seen, leaving_max);
}

}  // namespace troop::agents
