// network.bandwidth: what the host sends to its peers leaves at a limited rate; or what comes from them above a rate is
// dropped, as by a router before a thin line.
#include "agents/faults/table.hpp"
#include "agents/faults/traffic_class.hpp"
#include "agents/shaping_record.hpp"

namespace troop::agents {
namespace {

constexpr double mbit_min = 0.01, mbit_max = 100'000;
/// A load that is a little above the rate uses up first what may come at once.
constexpr Duration above_max = std::chrono::seconds{15};

struct HeldLimit : HeldClass {
  using HeldClass::HeldClass;
  Result<std::optional<std::string>> effect() override {
    BOOST_OUTCOME_TRY(const auto counts, shaped(shaping()));
    // At a low rate a large packet waits for long: then the same are still waiting at the next look.
    const bool wait_again = waiting_ && counts.waiting > 0;
    waiting_ = counts.waiting > 0;
    if (counts.packets == 0 || (counts.waited == 0 && !wait_again)) return std::nullopt;
    return fmt::format("{} packets with {} bytes left at that rate; the rate was reached {} times", counts.packets,
                       counts.bytes, counts.waited);
  }
  [[nodiscard]] std::string_view missing() const override { return "no packet had to wait for the rate"; }

 private:
  bool waiting_ = false;
};

Result<std::optional<std::string>> told(PacketFilter& filter) {
  BOOST_OUTCOME_TRY(const auto counts, filter.counters());
  if (counts.stopped_in == 0) return std::nullopt;
  return fmt::format("{} of {} packets from its peers were above the rate, and dropped", counts.stopped_in,
                     counts.matched_in);
}

struct HeldPolice : Held<PacketFilter, told> {
  using Held::Held;
  [[nodiscard]] std::string_view missing() const override { return "no packet was above the rate"; }
};

struct Limit {
  Traffic traffic;
  std::uint64_t bytes_per_second = 0;
  bool arriving = false;
};

Result<Limit> limit_of(Parts& parts, const protocol::StepOrder& order) {
  static constexpr std::array directions{std::pair{std::string_view{"out"}, false},
                                         std::pair{std::string_view{"in"}, true}};
  Limit limit;
  BOOST_OUTCOME_TRY(limit.arriving, chosen(order, "direction", directions));
  BOOST_OUTCOME_TRY(limit.traffic, traffic_of(parts, order));
  BOOST_OUTCOME_TRY(const double mbit, number_parameter(order, "rate_mbit"));
  if (!(mbit >= mbit_min && mbit <= mbit_max)) {
    return usage_error(fmt::format("{}: 'rate_mbit' is from {} to {}", order.fault, mbit_min, mbit_max));
  }
  limit.bytes_per_second = static_cast<std::uint64_t>(mbit * 1e6 / 8);
  return limit;
}

/// None, number 0, for what arrives.
Result<Shaping> class_if_any(Parts& parts, const protocol::StepOrder& order, const Limit& limit) {
  if (limit.arriving) return Shaping{};
  return class_for(parts, order, limit.traffic);
}

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  BOOST_OUTCOME_TRY(const auto limit, limit_of(parts, order));
  BOOST_OUTCOME_TRY(class_if_any(parts, order, limit));
  BOOST_OUTCOME_TRY(auto record, network_record(order));
  record.kind = shaping_kind;
  return record;
}

asio::awaitable<Result<void>> look(Parts& parts, const protocol::StepOrder& order, boost::json::object& state) {
  BOOST_OUTCOME_CO_TRY(const auto limit, limit_of(parts, order));
  BOOST_OUTCOME_CO_TRY(const auto shaping, class_if_any(parts, order, limit));
  note_shaping(state, shaping);
  co_return success();
}

asio::awaitable<Result<Proof>> drop_what_is_above(Parts& parts, const protocol::StepOrder& order, Limit limit) {
  auto started = PacketFilter::start(
      StopRule{.traffic = limit.traffic, .above_bytes_per_second = limit.bytes_per_second}, protocol::lease);
  if (started.has_error()) co_return std::move(started).error().within(order.fault);
  auto held = std::make_unique<HeldPolice>(std::move(started).value());
  held->follow(parts, order, std::move(limit.traffic));
  co_return co_await take_effect(parts, order, std::move(held), above_max);
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  BOOST_OUTCOME_CO_TRY(auto limit, limit_of(parts, order));
  if (limit.arriving) co_return co_await drop_what_is_above(parts, order, std::move(limit));
  auto shaping = noted_shaping(seen);
  if (shaping.number == 0) co_return Error{ErrorKind::protocol, order.fault + ": nobody looked before"};
  BOOST_OUTCOME_CO_TRY(leaves_by(shaping, parts, order, limit.traffic));
  auto made = shape(shaping, limit.bytes_per_second);
  if (made.has_error()) co_return std::move(made).error().within(order.fault);
  auto started = sent_into(shaping, limit.traffic);
  if (started.has_error()) co_return std::move(started).error().within(order.fault);
  auto held = std::make_unique<HeldLimit>(parts, order, std::move(started).value(), limit.traffic, std::move(shaping));
  held->follow(parts, order, std::move(limit.traffic));
  co_return co_await take_effect(parts, order, std::move(held));
}

/// What waits for the rate may wait for long: it is dropped, and TCP sends it again.
asio::awaitable<Result<Proof>> revert(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  co_return co_await end_class(parts, order, seen, Duration{0});
}

}  // namespace

const Fault network_bandwidth{
    .name = "network.bandwidth",
    .plan = plan,
    .look = look,
    .apply = apply,
    .revert = revert,
    .able = try_shaping,
};

}  // namespace troop::agents
