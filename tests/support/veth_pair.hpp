// A cable (veth) from the calling thread's network, which is the test's own, into another one behind it.
#pragma once

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <netlink/route/link/veth.h>
#include <sched.h>

#include <chrono>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <thread>

#include "agents/host/namespaces.hpp"
#include "agents/host/route_netlink.hpp"
#include "common/unique_fd.hpp"

namespace troop::test {

/// The kernel removes it with the networks.
class VethPair {
 public:
  static constexpr const char* near_address = "10.77.0.1";
  static constexpr const char* far_address = "10.77.0.2";
  static constexpr const char* near_address6 = "fd77::1";
  static constexpr const char* far_address6 = "fd77::2";
  static constexpr const char* near_name = "near";

  VethPair() {
    std::thread{[&] {
      if (::unshare(CLONE_NEWNET) == 0) far_.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    }}.join();
    if (!far_) {
      why_not_ = "no second network namespace";
      return;
    }
    note(plug_in());
    note(set_up(near_name, {near_address, near_address6}));
    std::thread{[&] {
      note(agents::enter(far_.get()));
      note(set_up("far", {far_address, far_address6}));
      note(carries("far"));
    }}.join();
    note(carries(near_name));
  }
  /// Empty where it is there.
  [[nodiscard]] const std::string& why_not() const { return why_not_; }
  /// The network behind it, for agents::enter().
  [[nodiscard]] int far() const { return far_.get(); }
  /// Sets a link of this thread's network up, with these addresses besides what it has.
  static Result<void> set_up(const char* name, std::initializer_list<const char*> addresses) {
    using namespace agents::netlink;
    BOOST_OUTCOME_TRY(const auto socket, route_socket());
    rtnl_link* found = nullptr;
    BOOST_OUTCOME_TRY(answered(rtnl_link_get_kernel(socket.get(), 0, name, &found), name));
    const Owned<rtnl_link> link{found}, change{rtnl_link_alloc()};
    rtnl_link_set_flags(change.get(), IFF_UP);
    BOOST_OUTCOME_TRY(answered(rtnl_link_change(socket.get(), link.get(), change.get(), 0), name));
    for (const char* address : addresses) {
      const bool v4 = std::string_view{address}.find(':') == std::string_view::npos;
      BOOST_OUTCOME_TRY(const auto local, agents::netlink::address(address, v4 ? AF_INET : AF_INET6));
      nl_addr_set_prefixlen(local.get(), v4 ? 24 : 64);
      const Owned<rtnl_addr> added{rtnl_addr_alloc()};
      rtnl_addr_set_ifindex(added.get(), static_cast<int>(if_nametoindex(name)));
      rtnl_addr_set_flags(added.get(), IFA_F_NODAD);
      BOOST_OUTCOME_TRY(answered(rtnl_addr_set_local(added.get(), local.get()), address));
      BOOST_OUTCOME_TRY(answered(rtnl_addr_add(socket.get(), added.get(), NLM_F_EXCL), address));
    }
    return success();
  }

 private:
  void note(const Result<void>& done) {
    if (done.has_error() && why_not_.empty()) why_not_ = done.error().context;
  }
  /// Waits until the kernel says so: until then it drops what is sent.
  static Result<void> carries(const char* name) {
    using namespace agents::netlink;
    BOOST_OUTCOME_TRY(const auto socket, route_socket());
    for (int tries = 0; tries < 10'000; ++tries) {
      rtnl_link* found = nullptr;
      BOOST_OUTCOME_TRY(answered(rtnl_link_get_kernel(socket.get(), 0, name, &found), name));
      const Owned<rtnl_link> link{found};
      if (rtnl_link_get_operstate(link.get()) == IF_OPER_UP) return success();
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    return usage_error(std::string{name} + " does not come up");
  }
  Result<void> plug_in() const {
    using namespace agents::netlink;
    BOOST_OUTCOME_TRY(const auto socket, route_socket());
    const Owned<rtnl_link> near{rtnl_link_veth_alloc()};
    rtnl_link_set_name(near.get(), near_name);
    const Owned<rtnl_link> other{rtnl_link_veth_get_peer(near.get())};
    rtnl_link_set_name(other.get(), "far");
    rtnl_link_set_ns_fd(other.get(), far_.get());
    return answered(rtnl_link_add(socket.get(), near.get(), NLM_F_CREATE | NLM_F_EXCL), "veth");
  }
  UniqueFd far_;
  std::string why_not_;
};

}  // namespace troop::test
