#include "agents/host/netem.hpp"

#include <fmt/format.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/route/qdisc/netem.h>

namespace troop::agents {
using namespace netlink;
namespace {

constexpr std::size_t message_max = 16'384;  // a distribution is 8192 bytes of it
/// With a rate, netem puts no packet before the one ahead of it (tc-netem(8), "rate"). This one is no limit.
constexpr std::uint64_t keeps_order = 1'000'000'000'000;
constexpr std::uint32_t always = UINT32_MAX;  // of a probability

struct FreeMessage {
  void operator()(nl_msg* message) const { nlmsg_free(message); }
};
using Message = std::unique_ptr<nl_msg, FreeMessage>;

template <class T>
bool put(nl_msg* message, int type, const T& value) {
  return nla_put(message, type, sizeof value, &value) == 0;
}

/// The options begin with a structure without a header of its own: what libnl has for netem cannot say nanoseconds.
bool put_options(nl_msg* message, const Netem& netem) {
  nlattr* const options = nla_nest_start(message, TCA_OPTIONS);
  tc_netem_qopt fixed{};
  fixed.limit = Netem::length_max;
  if (netem.duplicates) fixed.duplicate = always;
  if (options == nullptr || nlmsg_append(message, &fixed, sizeof fixed, NLMSG_ALIGNTO) != 0) return false;
  bool all = put(message, TCA_NETEM_LATENCY64, std::int64_t{netem.delay.count()}) &&
             put(message, TCA_NETEM_JITTER64, std::int64_t{netem.jitter.size.count()}) &&
             put(message, TCA_NETEM_RATE, tc_netem_rate{}) && put(message, TCA_NETEM_RATE64, keeps_order);
  if (netem.corrupts) all = all && put(message, TCA_NETEM_CORRUPT, tc_netem_corrupt{always, 0});
  const auto table = netem_distribution(netem.jitter.spread);
  if (!table.empty() && netem.jitter.size > Duration{0}) {
    const auto bytes = static_cast<int>(table.size() * sizeof table.front());
    all = all && nla_put(message, TCA_NETEM_DELAY_DIST, bytes, table.data()) == 0;
  }
  return all && nla_nest_end(message, options) == 0;
}

}  // namespace

Result<void> feasible(const Netem& netem) {
  if (netem.jitter.size > Netem::jitter_max) {
    return usage_error(fmt::format("netem has no jitter above {} s", Netem::jitter_max / std::chrono::seconds{1}));
  }
  // It mixes the last random number into the next, and then takes the lowest bits of that, where nothing is left of it:
  // told 90 %, two delays in a row had a correlation of 0.03 (uniform) and 0.01 (normal) on Linux 6.1.
  if (netem.jitter.correlation > 0) return usage_error("netem does not correlate delays, whatever it is told");
  return success();
}

Result<void> add_netem(nl_sock* socket, int link, std::uint32_t parent, const Netem& netem) {
  BOOST_OUTCOME_TRY(feasible(netem));
  Message message{nlmsg_alloc_size(message_max)};
  tcmsg header{};
  header.tcm_ifindex = link;
  header.tcm_parent = parent;
  const bool complete =
      message && nlmsg_put(message.get(), NL_AUTO_PORT, NL_AUTO_SEQ, RTM_NEWQDISC, 0, NLM_F_CREATE | NLM_F_EXCL) &&
      nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO) == 0 &&
      nla_put_string(message.get(), TCA_KIND, "netem") == 0 && put_options(message.get(), netem);
  if (!complete) return usage_error("no memory for a netlink message");
  const int answer = nl_send_sync(socket, message.release());
  if (answer == -NLE_OBJ_NOTFOUND) return usage_error("this kernel has no sch_netem");
  if (answer == -NLE_INVAL)
    return usage_error("the kernel refuses this netem, as newer ones do beside one that duplicates");
  return answered(answer, "netem");
}

Result<Netem> netem_at(nl_sock* socket, int link, std::uint32_t parent) {
  nl_cache* listed = nullptr;
  BOOST_OUTCOME_TRY(answered(rtnl_qdisc_alloc_cache(socket, &listed), "list of qdiscs"));
  const Owned<nl_cache> qdiscs{listed};
  const Owned<rtnl_qdisc> found{rtnl_qdisc_get_by_parent(listed, link, parent)};
  const char* kind = found ? rtnl_tc_get_kind(TC_CAST(found.get())) : nullptr;
  if (kind == nullptr || kind != std::string_view{"netem"}) {
    return Error{ErrorKind::lost, "the kernel's netem is gone"};
  }
  Netem netem;
  netem.delay = std::chrono::microseconds{rtnl_netem_get_delay(found.get())};
  netem.duplicates = rtnl_netem_get_duplicate(found.get()) == static_cast<int>(always);
  netem.corrupts = rtnl_netem_get_corruption_probability(found.get()) == static_cast<int>(always);
  return netem;
}

}  // namespace troop::agents
