// network.latency: packets from the host's peers are held where they arrive, or those to them where they leave.
#include "agents/faults/network_faults.hpp"
#include "agents/faults/table.hpp"
#include "agents/faults/traffic_class.hpp"
#include "agents/host/packet_delay.hpp"
#include "agents/shaping_record.hpp"

namespace troop::agents {
namespace {

/// Where packets are held. either: where they leave, if this kernel can do that and nothing is in the way; else where
/// they arrive.
enum class Way { either, in, out };

/// At the end of the fault, for what netem still holds.
constexpr Duration leaving_max = std::chrono::seconds{1};

struct Slowness {
  DelayRule rule;
  Way way = Way::either;
  [[nodiscard]] Netem netem() const { return {.delay = rule.delay, .jitter = rule.jitter}; }
};

Result<Slowness> slowness_of(Parts& parts, const protocol::StepOrder& order) {
  static constexpr std::array spreads{std::pair{std::string_view{"uniform"}, Spread::uniform},
                                      std::pair{std::string_view{"normal"}, Spread::normal},
                                      std::pair{std::string_view{"pareto"}, Spread::pareto}};
  static constexpr std::array ways{std::pair{std::string_view{"either"}, Way::either},
                                   std::pair{std::string_view{"in"}, Way::in},
                                   std::pair{std::string_view{"out"}, Way::out}};
  Slowness slowness;
  BOOST_OUTCOME_TRY(slowness.way, chosen(order, "direction", ways));
  // A part may live in this machine's own network, whose links shall have no qdisc that nobody asked for.
  if (slowness.way == Way::either && parts.find(order.victim) != nullptr) slowness.way = Way::in;
  auto any_way = order;  // its direction says where, and not which packets
  any_way.parameters.erase("direction");
  auto& rule = slowness.rule;
  BOOST_OUTCOME_TRY(rule.traffic, traffic_of(parts, any_way));
  BOOST_OUTCOME_TRY(rule.jitter.spread, chosen(order, "distribution", spreads));
  rule.delay = duration_parameter(order, "delay");
  rule.jitter.size = duration_parameter(order, "jitter");
  if (order.parameters.contains("correlation")) {
    BOOST_OUTCOME_TRY(rule.jitter.correlation, number_parameter(order, "correlation"));
  }
  rule.seed = seed_of(order);
  if (auto sound = feasible(rule); sound.has_error()) return std::move(sound).error().within(order.fault);
  return slowness;
}

/// None, number 0: they are to be held where they arrive.
Result<Shaping> class_if_any(Parts& parts, const protocol::StepOrder& order, const Slowness& slowness) {
  if (slowness.way == Way::in) return Shaping{};
  auto shaping = class_of_netem(parts, order, slowness.rule.traffic, slowness.netem());
  if (shaping.has_value()) return shaping;
  if (slowness.way == Way::either) return Shaping{};
  auto refused = std::move(shaping).error();
  refused.context += "; direction = \"in\" holds packets where they arrive instead";
  return refused;
}

Result<UndoRecord> plan(Parts& parts, const protocol::StepOrder& order) {
  BOOST_OUTCOME_TRY(const auto slowness, slowness_of(parts, order));
  BOOST_OUTCOME_TRY(class_if_any(parts, order, slowness));
  BOOST_OUTCOME_TRY(auto record, network_record(order));
  record.kind = shaping_kind;
  return record;
}

asio::awaitable<Result<void>> look(Parts& parts, const protocol::StepOrder& order, boost::json::object& state) {
  BOOST_OUTCOME_CO_TRY(const auto slowness, slowness_of(parts, order));
  BOOST_OUTCOME_CO_TRY(const auto shaping, class_if_any(parts, order, slowness));
  note_shaping(state, shaping);  // also that there is none, whatever an earlier look had found
  co_return success();
}

std::string milliseconds(Duration duration) {
  return fmt::format("{:.2f} ms", static_cast<double>(duration.count()) / 1e6);
}

struct HeldNetem : HeldClass {
  using HeldClass::HeldClass;
  [[nodiscard]] std::optional<Netem> netem() const override { return Netem{}; }
  Result<void> keep() override {
    BOOST_OUTCOME_TRY(delay_of(shaping()));
    return HeldClass::keep();
  }
  Result<std::optional<std::string>> effect() override {
    BOOST_OUTCOME_TRY(const auto counts, shaped(shaping()));
    BOOST_OUTCOME_TRY(const auto delay, delay_of(shaping()));
    if (counts.packets == 0) return std::nullopt;
    auto text = fmt::format("where they leave (netem), {} packets were held, {} each as the kernel says; {} wait",
                            counts.packets, milliseconds(delay), counts.waiting);
    if (counts.dropped > 0) text += fmt::format("; {} were dropped, for the queue was full", counts.dropped);
    return text;
  }
};

Result<std::optional<std::string>> told(const PacketDelay& delay) {
  if (delay.released() == 0) return std::nullopt;
  BOOST_OUTCOME_TRY(const auto held, delay.measured());
  return fmt::format(
      "where they arrive (NFQUEUE), {} packets were held, {} each on average and {} at most; {} flowed on unheld",
      held.packets, milliseconds(held.mean), milliseconds(held.longest), held.unheld);
}

/// Where the queue has no room, packets flow on at once: a few do no harm to what is told, many are no latency.
class HeldDelay : public Held<PacketDelay, told> {
 public:
  explicit HeldDelay(PacketDelay started) : Held(std::move(started)) {}

 private:
  Result<void> keep() override {
    BOOST_OUTCOME_TRY(const auto held, mechanism().measured());
    if (held.unheld > unheld_min && held.unheld * unheld_share > held.packets + held.unheld) {
      return Error{ErrorKind::lost, fmt::format("{} of {} packets flowed on unheld: the queue was full", held.unheld,
                                                held.packets + held.unheld)};
    }
    return Held::keep();
  }
  static constexpr std::uint64_t unheld_min = 1000;  // also those that nobody has read from the queue yet
  static constexpr std::uint64_t unheld_share = 20;  // one in so many
};

Result<std::unique_ptr<NetworkHolding>> hold_leaving(Parts& parts, const protocol::StepOrder& order,
                                                     const Slowness& slowness, Shaping shaping) {
  BOOST_OUTCOME_TRY(shape(shaping, slowness.netem()));
  BOOST_OUTCOME_TRY(auto filter, sent_into(shaping, slowness.rule.traffic));
  return std::make_unique<HeldNetem>(parts, order, std::move(filter), slowness.rule.traffic, std::move(shaping));
}

Result<std::unique_ptr<NetworkHolding>> hold_arriving(const Slowness& slowness) {
  BOOST_OUTCOME_TRY(auto started, PacketDelay::start(slowness.rule, protocol::lease));
  return std::make_unique<HeldDelay>(std::move(started));
}

asio::awaitable<Result<Proof>> apply(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  BOOST_OUTCOME_CO_TRY(const auto slowness, slowness_of(parts, order));
  auto shaping = noted_shaping(seen);
  if (slowness.way == Way::out && shaping.number == 0) {
    co_return Error{ErrorKind::protocol, order.fault + ": nobody looked before"};
  }
  if (shaping.number != 0) {
    BOOST_OUTCOME_CO_TRY(leaves_by(shaping, parts, order, slowness.rule.traffic));
  }
  const Duration patience = network_effect_max + slowness.rule.delay + 2 * slowness.rule.jitter.size;
  auto held = shaping.number == 0 ? hold_arriving(slowness) : hold_leaving(parts, order, slowness, std::move(shaping));
  if (held.has_error()) co_return std::move(held).error().within(order.fault);
  held.value()->follow(parts, order, slowness.rule.traffic);
  co_return co_await take_effect(parts, order, std::move(held).value(), patience);
}

asio::awaitable<Result<Proof>> revert(Parts& parts, const protocol::StepOrder& order, Seen seen) {
  co_return co_await end_class(parts, order, seen, leaving_max);
}

}  // namespace

const Fault network_latency{
    .name = "network.latency",
    .plan = plan,
    .look = look,
    .apply = apply,
    .revert = revert,
    .able = able_either_way,
};

}  // namespace troop::agents
