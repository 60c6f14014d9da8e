// A control group that is cut off: connections that were open before, new ones, one way, and whose a socket is; IPv4
// and IPv6.
#include <gmock/gmock.h>

#include "agents/host/namespaces.hpp"
#include "tests/support/group_world.hpp"
#include "tests/support/veth_pair.hpp"

namespace troop::agents {
namespace {

using test::all_of_them;
using test::arriving;
using test::Bystander;
using test::ControlGroupTest;
using test::Datagrams;
using test::datagrams_of;
using test::Listener;
using test::TestGroup;
using test::VethPair;
using Texts = std::vector<std::string>;

/// Both families. Of IPv6 loopback has one address only, so that there both ends have the same.
class CutOffGroup : public ControlGroupTest, public testing::WithParamInterface<std::pair<const char*, const char*>> {
 protected:
  void SetUp() override {
    ControlGroupTest::SetUp();
    order_.parameters["peers"] = Texts{there()};
  }
  static const char* here_of() { return GetParam().first; }
  static const char* there() { return GetParam().second; }
  /// What talks, while it is applied, with the peer.
  Result<Proof> apply_to_talk() {
    const Datagrams own = datagrams_of(hit_, here_of()), peer{there()};
    const std::jthread talks{[&](const std::stop_token& end) {
      while (!end.stop_requested()) {
        own.send(peer);
        peer.send(own);
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
      }
    }};
    return apply();
  }
  /// A socket of the group's that listens, and its port.
  static std::pair<UniqueFd, std::uint16_t> service_of(const TestGroup& group) {
    auto fd = group.socket_of([] { return Listener{here_of()}.release(); });
    sockaddr_in6 at{};  // the port is at the same place in IPv4
    socklen_t size = sizeof at;
    (void)::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&at), &size);
    return {std::move(fd), ntohs(at.sin6_port)};
  }
  /// Nothing where it is not there within the time.
  static UniqueFd connected(const std::string& from, const std::string& to, std::uint16_t port, int patience_ms) {
    namespace ip = boost::asio::ip;
    const ip::tcp::endpoint own{ip::make_address(from), 0}, peer{ip::make_address(to), port};
    UniqueFd fd{::socket(own.address().is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    (void)::bind(fd.get(), own.data(), static_cast<socklen_t>(own.size()));
    (void)::connect(fd.get(), peer.data(), static_cast<socklen_t>(peer.size()));
    pollfd waiting{fd.get(), POLLOUT, 0};
    const bool there = ::poll(&waiting, 1, patience_ms) == 1 && (waiting.revents & (POLLERR | POLLHUP)) == 0;
    return there ? std::move(fd) : UniqueFd{};
  }
  static bool readable(const UniqueFd& fd, int patience_ms) {
    pollfd waiting{fd.get(), POLLIN, 0};
    return ::poll(&waiting, 1, patience_ms) == 1;
  }
};

TEST_P(CutOffGroup, LosesConnectionsThatWereOpenBefore) {
  const Listener service{there()};
  const UniqueFd met = hit_.socket_of([&] { return service.connection_from(here_of()); }), met_end = service.accept();
  const UniqueFd spared = spared_.socket_of([&] { return service.connection_from(here_of()); }),
                 spared_end = service.accept();
  ASSERT_TRUE(met && met_end && spared && spared_end);
  const auto applied = apply_to_talk();
  ASSERT_TRUE(applied) << applied.error().context;
  for (const int end : {met.get(), met_end.get(), spared.get(), spared_end.get()}) ASSERT_EQ(::write(end, "x", 1), 1);
  EXPECT_TRUE(readable(spared_end, 10'000) && readable(spared, 10'000));
  EXPECT_FALSE(readable(met_end, 300));
  EXPECT_FALSE(readable(met, 0));
  ASSERT_TRUE(revert());
  EXPECT_TRUE(readable(met_end, 30'000)) << "TCP sends it again";
  EXPECT_TRUE(readable(met, 30'000));
}

TEST_P(CutOffGroup, LosesNewConnectionsBothWays) {
  const Listener service{there()};
  const auto [met, met_port] = service_of(hit_);
  const auto [spared, spared_port] = service_of(spared_);
  ASSERT_TRUE(apply_to_talk());
  EXPECT_TRUE(connected(there(), here_of(), spared_port, 10'000));
  EXPECT_FALSE(connected(there(), here_of(), met_port, 300));
  EXPECT_TRUE(spared_.socket_of([&] { return connected(here_of(), there(), service.port(), 10'000); }));
  EXPECT_FALSE(hit_.socket_of([&] { return connected(here_of(), there(), service.port(), 300); }));
  ASSERT_TRUE(revert());
  EXPECT_TRUE(connected(there(), here_of(), met_port, 10'000));
  EXPECT_TRUE(hit_.socket_of([&] { return connected(here_of(), there(), service.port(), 10'000); }));
}

TEST_P(CutOffGroup, IsCutOneWayWhereTheStepSaysSo) {
  const Datagrams met = datagrams_of(hit_, here_of()), peer{there()};
  for (const char* direction : {"in", "out"}) {
    order_.parameters["direction"] = std::string{direction};
    ASSERT_TRUE(apply_to_talk()) << direction;
    const bool in = std::string_view{direction} == "in";
    EXPECT_EQ(arriving(peer, met, 5, in ? 300 : 10'000), in ? 0 : all_of_them) << direction;
    EXPECT_EQ(arriving(met, peer, 5, in ? 10'000 : 300), in ? all_of_them : 0) << direction;
    ASSERT_TRUE(revert());
  }
}

TEST_P(CutOffGroup, GetsAHandshakeAnsweredByTheKernelAndSendsNothing) {
  const auto [met, met_port] = service_of(hit_);
  order_.parameters["direction"] = std::string{"out"};
  ASSERT_TRUE(apply_to_talk());
  const UniqueFd client = connected(there(), here_of(), met_port, 10'000);
  ASSERT_TRUE(client) << "no process's socket sends that answer";
  ASSERT_EQ(::write(client.get(), "x", 1), 1);
  const UniqueFd accepted{::accept4(met.get(), nullptr, nullptr, SOCK_CLOEXEC)};
  ASSERT_TRUE(accepted);
  ASSERT_EQ(::write(accepted.get(), "x", 1), 1);
  EXPECT_FALSE(readable(client, 300));
  ASSERT_TRUE(revert());
  EXPECT_TRUE(readable(client, 30'000));
}

TEST_P(CutOffGroup, HasTheSocketsThatItsProcessesMadeWhereverTheyWent) {
  const Datagrams peer{there()};
  const Datagrams taken_along{hit_.socket_of([&] {
    auto made = Datagrams{here_of()}.release();
    return spared_.take(::getpid()) ? std::move(made) : UniqueFd{};
  })};
  ASSERT_TRUE(taken_along.open());
  ASSERT_TRUE(apply_to_talk());
  EXPECT_EQ(arriving(taken_along, peer, 5, 300), 0U);
  EXPECT_EQ(arriving(peer, taken_along, 5, 300), 0U);
  ASSERT_TRUE(revert());
}

TEST_P(CutOffGroup, HasTheSocketsOfThoseBelow) {
  const TestGroup below{hit_.path()};
  ASSERT_TRUE(below.made());
  const Datagrams peer{there()}, inner = datagrams_of(below, here_of()), outer = datagrams_of(hit_, here_of());
  ASSERT_TRUE(apply_to_talk());
  EXPECT_EQ(arriving(inner, peer, 5, 300), 0U);
  ASSERT_TRUE(revert());
  // And the other way round: a group is not met where one below it is meant.
  const Bystander third{"/bin/sleep", Texts{"120"}};
  ASSERT_TRUE(below.take(third.pid()));
  order_.parameters["cgroup"] = below.path();
  const std::jthread talks{[&](const std::stop_token& end) {
    while (!end.stop_requested()) inner.send(peer), std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }};
  ASSERT_TRUE(apply());
  const Datagrams quiet{there()};
  EXPECT_EQ(arriving(outer, quiet), all_of_them);
  EXPECT_EQ(arriving(inner, quiet, 5, 300), 0U);
  ASSERT_TRUE(revert());
}

INSTANTIATE_TEST_SUITE_P(, CutOffGroup, testing::Values(std::pair{"127.0.0.1", "127.0.0.2"}, std::pair{"::1", "::1"}),
                         [](const auto& each) { return std::string{each.index == 0 ? "IPv4" : "IPv6"}; });

/// Everybody beyond a cable, of either family, and nobody of this host.
TEST_F(ControlGroupTest, IsCutOffFromEverybodyWhileOthersAreNot) {
  const VethPair cable;
  ASSERT_EQ(cable.why_not(), "");
  const auto beyond = [&](const char* address) {
    std::optional<Datagrams> made;
    std::thread{[&] {
      ASSERT_TRUE(enter(cable.far()));
      made.emplace(address);
    }}.join();
    return std::move(*made);
  };
  order_.parameters["peers"] = Texts{"any"};
  for (const auto& [near, far] : {std::pair{VethPair::near_address, VethPair::far_address},
                                  std::pair{VethPair::near_address6, VethPair::far_address6}}) {
    const Datagrams peer = beyond(far), talking_peer = beyond(far);
    const Datagrams met = datagrams_of(hit_, near), spared = datagrams_of(spared_, near),
                    talking = datagrams_of(hit_, near), neighbour{near};
    EXPECT_EQ(arriving(met, peer), all_of_them);
    EXPECT_EQ(arriving(peer, met), all_of_them);
    {
      const std::jthread talks{[&](const std::stop_token& end) {
        while (!end.stop_requested()) {
          talking.send(talking_peer);
          std::this_thread::sleep_for(std::chrono::milliseconds{1});
        }
      }};
      const auto applied = apply();
      ASSERT_TRUE(applied) << applied.error().context;
    }
    EXPECT_EQ(arriving(spared, peer), all_of_them);
    EXPECT_EQ(arriving(peer, spared), all_of_them);
    EXPECT_EQ(arriving(met, peer, 5, 300), 0U);
    EXPECT_EQ(arriving(peer, met, 5, 300), 0U);
    EXPECT_EQ(arriving(met, neighbour), all_of_them) << "over loopback";
    ASSERT_TRUE(revert());
    EXPECT_EQ(arriving(met, peer), all_of_them);
    EXPECT_EQ(arriving(peer, met), all_of_them);
  }
}

}  // namespace
}  // namespace troop::agents
