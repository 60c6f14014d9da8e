#include "agents/host/shaping.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netlink/route/qdisc/htb.h>
#include <netlink/route/tc.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <set>
#include <thread>

#include "agents/host/namespaces.hpp"
#include "agents/host/route_netlink.hpp"

namespace troop::agents {
namespace ip = boost::asio::ip;
using namespace netlink;
namespace {

constexpr std::uint32_t root_handle = Shaping::major << 16;
constexpr std::uint32_t quantum_bytes = 60'000;  // only one class has work at a time, or they take turns by so much
constexpr std::uint64_t unlimited_rate = 12'500'000'000;    // 100 Gbit/s
constexpr std::uint64_t bursts_per_second = 100;            // what a rate is in 10 ms may leave at once
constexpr Duration as_told = std::chrono::microseconds{2};  // the kernel tells a delay in ticks

std::string name_of(int link) {
  std::array<char, IF_NAMESIZE> name{};
  return if_indextoname(static_cast<unsigned>(link), name.data()) != nullptr ? name.data() : std::to_string(link);
}

Result<std::uint64_t> this_netns() {
  struct stat status {};
  if (stat("/proc/thread-self/ns/net", &status) == 0) return status.st_ino;
  return system_error(ErrorKind::usage, "/proc/thread-self/ns/net", errno);
}

template <class Item, class Look>
void for_each(nl_cache* cache, Look look) {
  for (nl_object* item = nl_cache_get_first(cache); item != nullptr; item = nl_cache_get_next(item)) {
    look(reinterpret_cast<Item*>(item));
  }
}

/// What is at the root of a link.
struct Root {
  bool ours = false;
  std::string foreign = {};  ///< Its name, where somebody made it: the kernel's own have no handle.
};

Result<Root> root_of(nl_sock* socket, int link) {
  nl_cache* listed = nullptr;
  BOOST_OUTCOME_TRY(answered(rtnl_qdisc_alloc_cache(socket, &listed), "list of qdiscs"));
  const Owned<nl_cache> qdiscs{listed};
  Root root;
  for_each<rtnl_qdisc>(qdiscs.get(), [&](rtnl_qdisc* qdisc) {
    rtnl_tc* const tc = TC_CAST(qdisc);
    const auto handle = rtnl_tc_get_handle(tc);
    if (rtnl_tc_get_ifindex(tc) != link || rtnl_tc_get_parent(tc) != TC_H_ROOT || handle == 0) return;
    const char* kind = rtnl_tc_get_kind(tc);
    root.ours = handle == root_handle && kind != nullptr && kind == std::string_view{"htb"};
    if (!root.ours) root.foreign = fmt::format("{} {:x}:", kind == nullptr ? "?" : kind, handle >> 16);
  });
  return root;
}

Result<Owned<nl_cache>> classes_of(nl_sock* socket, int link) {
  nl_cache* listed = nullptr;
  BOOST_OUTCOME_TRY(answered(rtnl_class_alloc_cache(socket, link, &listed), name_of(link) + ": classes"));
  return Owned<nl_cache>{listed};
}

Result<std::set<std::uint16_t>> numbers_on(nl_sock* socket, int link) {
  BOOST_OUTCOME_TRY(const auto classes, classes_of(socket, link));
  std::set<std::uint16_t> numbers;
  for_each<rtnl_class>(classes.get(), [&](rtnl_class* each) {
    const auto handle = rtnl_tc_get_handle(TC_CAST(each));
    if (handle >> 16 == Shaping::major) numbers.insert(static_cast<std::uint16_t>(handle & 0xffff));
  });
  return numbers;
}

Owned<rtnl_class> class_on(int link, std::uint32_t handle) {
  Owned<rtnl_class> made{rtnl_class_alloc()};
  rtnl_tc* const tc = TC_CAST(made.get());
  rtnl_tc_set_ifindex(tc, link);
  rtnl_tc_set_parent(tc, root_handle);
  rtnl_tc_set_handle(tc, handle);
  return made;
}

Owned<rtnl_qdisc> qdisc_on(int link) {
  Owned<rtnl_qdisc> made{rtnl_qdisc_alloc()};
  rtnl_tc* const tc = TC_CAST(made.get());
  rtnl_tc_set_ifindex(tc, link);
  rtnl_tc_set_parent(tc, TC_H_ROOT);
  rtnl_tc_set_handle(tc, root_handle);
  return made;
}

Result<int> link_to(nl_sock* socket, const ip::address& peer) {
  const std::string text = peer.to_string();
  BOOST_OUTCOME_TRY(const auto target, netlink::address(text, peer.is_v4() ? AF_INET : AF_INET6));
  rtnl_route* found = nullptr;
  BOOST_OUTCOME_TRY(answered(rtnl_route_lookup(socket, target.get(), &found), "the way to " + text));
  const Owned<rtnl_route> route{found};
  rtnl_nexthop* const hop = rtnl_route_nexthop_n(route.get(), 0);
  const int link = hop == nullptr ? 0 : rtnl_route_nh_get_ifindex(hop);
  if (link <= 0) return usage_error("there is no way to " + text);
  return link;
}

/// Without a rate: with no limit.
Result<void> add_class(nl_sock* socket, int link, const Shaping& shaping, std::optional<std::uint64_t> rate) {
  BOOST_OUTCOME_TRY(const auto root, root_of(socket, link));
  if (!root.ours) {
    const auto qdisc = qdisc_on(link);
    BOOST_OUTCOME_TRY(answered(rtnl_tc_set_kind(TC_CAST(qdisc.get()), "htb"), "htb"));
    BOOST_OUTCOME_TRY(answered(rtnl_htb_set_defcls(qdisc.get(), 0), "htb"));
    BOOST_OUTCOME_TRY(
        answered(rtnl_qdisc_add(socket, qdisc.get(), NLM_F_CREATE | NLM_F_EXCL), name_of(link) + ": the qdisc HTB"));
  }
  const auto added = class_on(link, shaping.priority());
  BOOST_OUTCOME_TRY(answered(rtnl_tc_set_kind(TC_CAST(added.get()), "htb"), "htb"));
  const std::uint64_t given = rate.value_or(unlimited_rate);
  BOOST_OUTCOME_TRY(answered(rtnl_htb_set_rate64(added.get(), given), "rate"));
  BOOST_OUTCOME_TRY(answered(rtnl_htb_set_ceil64(added.get(), given), "rate"));
  if (given > UINT32_MAX) {  // for lower ones the library sets it, and thinks that there are no higher ones
    const auto burst = static_cast<std::uint32_t>(given / bursts_per_second);
    BOOST_OUTCOME_TRY(answered(rtnl_htb_set_rbuffer(added.get(), burst), "burst"));
    BOOST_OUTCOME_TRY(answered(rtnl_htb_set_cbuffer(added.get(), burst), "burst"));
  }
  BOOST_OUTCOME_TRY(answered(rtnl_htb_set_quantum(added.get(), quantum_bytes), "quantum"));
  return answered(rtnl_class_add(socket, added.get(), NLM_F_CREATE | NLM_F_EXCL), name_of(link) + ": a class of HTB");
}

Result<void> unshape_link(nl_sock* socket, int link, const Shaping& shaping) {
  std::array<char, IF_NAMESIZE> name{};
  if (if_indextoname(static_cast<unsigned>(link), name.data()) == nullptr) return success();
  BOOST_OUTCOME_TRY(const auto root, root_of(socket, link));
  if (!root.ours) return success();
  BOOST_OUTCOME_TRY(auto numbers, numbers_on(socket, link));
  if (numbers.erase(shaping.number) > 0) {
    const auto gone = class_on(link, shaping.priority());
    BOOST_OUTCOME_TRY(answered(rtnl_class_delete(socket, gone.get()), name_of(link) + ": class"));
  }
  if (numbers.empty()) {
    const auto gone = qdisc_on(link);
    BOOST_OUTCOME_TRY(answered(rtnl_qdisc_delete(socket, gone.get()), name_of(link) + ": qdisc"));
  }
  BOOST_OUTCOME_TRY(const auto after, root_of(socket, link));
  if (!after.ours) return success();
  BOOST_OUTCOME_TRY(const auto left, numbers_on(socket, link));
  if (!left.empty() && !left.contains(shaping.number)) return success();
  return usage_error(name_of(link) + ": its class is still there");
}

Result<void> unshape_here(const Shaping& shaping) {
  BOOST_OUTCOME_TRY(const auto socket, route_socket());
  Result<void> all = success();
  for (const int link : shaping.links) {
    if (auto done = unshape_link(socket.get(), link, shaping); done.has_error()) all = std::move(done);
  }
  return all;
}

}  // namespace

Result<Shaping> plan_shaping(std::span<const ip::address> peers) {
  Shaping shaping;
  BOOST_OUTCOME_TRY(shaping.netns, this_netns());
  BOOST_OUTCOME_TRY(const auto socket, route_socket());
  std::set<int> links;
  for (const auto& peer : peers) {
    BOOST_OUTCOME_TRY(const int link, link_to(socket.get(), peer));
    links.insert(link);
  }
  std::set<std::uint16_t> taken;
  for (const int link : links) {
    BOOST_OUTCOME_TRY(const auto root, root_of(socket.get(), link));
    if (!root.foreign.empty()) {
      return usage_error(
          fmt::format("{} has a qdisc of somebody else's ({}), which is left alone", name_of(link), root.foreign));
    }
    if (!root.ours) continue;
    BOOST_OUTCOME_TRY(auto numbers, numbers_on(socket.get(), link));
    taken.merge(numbers);
  }
  shaping.links.assign(links.begin(), links.end());
  shaping.number = 1;
  while (taken.contains(shaping.number)) ++shaping.number;
  return shaping;
}

Result<void> shape(const Shaping& shaping, std::uint64_t bytes_per_second) {
  BOOST_OUTCOME_TRY(const auto socket, route_socket());
  for (const int link : shaping.links) {
    BOOST_OUTCOME_TRY(add_class(socket.get(), link, shaping, bytes_per_second));
  }
  return success();
}

Result<void> shape(const Shaping& shaping, const Netem& netem) {
  BOOST_OUTCOME_TRY(const auto socket, route_socket());
  for (const int link : shaping.links) {
    BOOST_OUTCOME_TRY(add_class(socket.get(), link, shaping, std::nullopt));
    auto added = add_netem(socket.get(), link, shaping.priority(), netem);
    if (added.has_error()) return std::move(added).error().within(name_of(link));
  }
  return success();
}

Result<Shaped> shaped(const Shaping& shaping) {
  BOOST_OUTCOME_TRY(const auto socket, route_socket());
  Shaped sum;
  for (const int link : shaping.links) {
    BOOST_OUTCOME_TRY(const auto classes, classes_of(socket.get(), link));
    const Owned<rtnl_class> found{rtnl_class_get(classes.get(), link, shaping.priority())};
    if (!found) return Error{ErrorKind::lost, name_of(link) + ": the class is gone"};
    rtnl_tc* const tc = TC_CAST(found.get());
    sum.packets += rtnl_tc_get_stat(tc, RTNL_TC_PACKETS);
    sum.bytes += rtnl_tc_get_stat(tc, RTNL_TC_BYTES);
    sum.waited += rtnl_tc_get_stat(tc, RTNL_TC_OVERLIMITS);
    sum.waiting += rtnl_tc_get_stat(tc, RTNL_TC_QLEN);
    sum.dropped += rtnl_tc_get_stat(tc, RTNL_TC_DROPS);
  }
  return sum;
}

Result<Duration> delay_of(const Shaping& shaping) {
  BOOST_OUTCOME_TRY(const auto socket, route_socket());
  Duration shortest = Duration::max();
  for (const int link : shaping.links) {
    auto there = netem_at(socket.get(), link, shaping.priority());
    if (there.has_error()) return std::move(there).error().within(name_of(link));
    shortest = std::min(shortest, there.value().delay);
  }
  return shortest;
}

Result<void> still_does(const Shaping& shaping, const Netem& netem) {
  BOOST_OUTCOME_TRY(const auto socket, route_socket());
  for (const int link : shaping.links) {
    auto there = netem_at(socket.get(), link, shaping.priority());
    if (there.has_error()) return std::move(there).error().within(name_of(link));
    const auto& now = there.value();
    const bool same = now.duplicates == netem.duplicates && now.corrupts == netem.corrupts &&
                      std::chrono::abs(now.delay - netem.delay) <= as_told;
    if (!same) return Error{ErrorKind::lost, name_of(link) + ": somebody told the kernel's netem something else"};
  }
  return success();
}

Result<void> unshape(const Shaping& shaping) {
  if (shaping.number == 0) return success();
  auto done = unshape_here(shaping);
  if (done.has_error()) return Error{ErrorKind::unrestored, done.error().context};
  return success();
}

Result<void> unshape_anywhere(const Shaping& shaping) {
  const auto here = this_netns();
  if (here.has_value() && here.value() == shaping.netns) return unshape(shaping);
  std::error_code none;
  for (const auto& named : std::filesystem::directory_iterator{"/run/netns", none}) {
    struct stat status {};
    if (stat(named.path().c_str(), &status) != 0 || status.st_ino != shaping.netns) continue;
    BOOST_OUTCOME_TRY(const auto netns, open_netns(named.path()));
    Result<void> result = success();
    std::thread{[&] {  // namespaces belong to threads
      result = enter(netns.get());
      if (result.has_value()) result = unshape(shaping);
    }}
        .join();
    if (result.has_error()) return Error{ErrorKind::unrestored, result.error().context};
  }
  return success();
}

}  // namespace troop::agents
