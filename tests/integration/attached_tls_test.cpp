// Runs on a broker that others run and that speaks TLS, with certificates of a CA of our own: what is trusted works
// from end to end, what is not is refused before anything is touched.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/host/fake_clock.hpp"
#include "tests/support/attached_world.hpp"

namespace troop::test {
namespace {

using testing::HasSubstr;

/// Established ones, from anywhere on this machine.
std::size_t connections_to(std::uint16_t port) {
  const std::string all = slurp("/proc/net/tcp"), wanted = fmt::format(":{:04X} 01 ", port);
  std::size_t count = 0;
  for (std::size_t at = all.find(wanted); at != std::string::npos; at = all.find(wanted, at + 1)) ++count;
  return count;
}

class AttachedTlsTest : public AttachedRunTest {
 protected:
  void SetUp() override {
    files_ = ca_.issue("DNS:localhost");
    ASSERT_TRUE(ca_.good());
    auto started = SomebodysBroker::start(&files_);
    ASSERT_TRUE(started) << started.error().context;
    started_ = std::move(started).value();
    owner_ = started_.get();
  }
  [[nodiscard]] std::string amqps(std::string_view host = "localhost") const {
    return owner_->broker_url("amqps", host, owner_->broker().tls_port());
  }
  [[nodiscard]] std::string https(std::string_view host = "localhost") const {
    return SomebodysBroker::management_url("https", host, owner_->broker().management_tls_port());
  }
  [[nodiscard]] std::string amqp() const { return owner_->variables().at(0); }
  [[nodiscard]] std::string http() const { return owner_->variables().at(1); }
  [[nodiscard]] static std::string of_ca(const fs::path& file) {
    return "vhost = \"troop\"\ncreate = true\nca_file = \"" + file.string() + "\"\n";
  }
  void expect_refusal(const std::vector<std::string>& variables, const std::string& attach, const std::string& why) {
    SCOPED_TRACE(attach + why);
    TroopCommand troop{world_, arguments(attach), variables};
    EXPECT_EQ(troop.exit_code(60s), 2) << everything(troop);
    EXPECT_THAT(everything(troop), HasSubstr(why));
    expect_nothing_left();
    expect_no_password(troop);
  }

  PrivateCa ca_{world_.root() / "ca"};
  ServerFiles files_;
  std::unique_ptr<SomebodysBroker> started_;
};

TEST_F(AttachedTlsTest, PausesAndKillsABrokerThatIsSpokenToOverTlsAlone) {
  const std::string before = owner_->picture();
  const fs::path pid_file = world_.root() / "pid", wanted = world_.root() / "start-wanted",
                 policy = world_.root() / "policy.json";
  const auto note_pid = [&] { std::ofstream{pid_file} << owner_->broker().managed().process().pid(); };
  note_pid();
  std::ofstream{policy} << fmt::format(R"({{"commands": {{"mq": {{"start": ["/usr/bin/touch", "{}"]}}}}}})",
                                       wanted.string());
  fs::permissions(policy, fs::perms::owner_read | fs::perms::owner_write);
  const std::string more = of_ca(ca_.file()) + fmt::format(R"(
allow = ["broker.kill", "broker.pause"]
control = {{ pid_file = "{}", command = "mq" }}
[[step]]
at = "1s"
fault = "broker.pause"
target = "broker"
for = "1s"
[[step]]
at = "3s"
fault = "broker.kill"
target = "broker"
for = "1s"
)",
                                                           pid_file.string());
  // Longer than a record of TLS, so that a socket that is full takes parts of it.
  TroopCommand troop{world_,
                     arguments(more, {"--set", "workload.payload_bytes=20000"}),
                     {amqps(), https(), "TROOP_POLICY=" + policy.string()}};
  ASSERT_TRUE(troop.says("experiment", 60s)) << everything(troop);
  EXPECT_GE(connections_to(owner_->broker().tls_port()), 4u);
  EXPECT_EQ(connections_to(owner_->broker().address().port), 0u);
  expect_no_password_in_command_lines();
  // Whoever runs the broker starts it when the command asks for that.
  ASSERT_TRUE(eventually([&] { return fs::exists(wanted); }, 60s)) << everything(troop);
  ASSERT_TRUE(owner_->broker().start_again());
  note_pid();
  ASSERT_EQ(troop.exit_code(run_max), 0) << everything(troop);
  const auto document = run_json(world_);
  for (const auto& fault : document.at("faults").as_array()) {
    EXPECT_EQ(fault.at("outcome").as_string(), "proven") << boost::json::serialize(fault);
    EXPECT_TRUE(fault.at("restored_ns").is_int64()) << boost::json::serialize(fault);
  }
  EXPECT_EQ(count_of(document, "accounting", "unaccounted"), 0);
  EXPECT_TRUE(eventually([&] { return owner_->picture() == before; }, 10s)) << owner_->picture();
  expect_nothing_left();
  expect_no_password(troop);
}

TEST_F(AttachedTlsTest, TrustsNobodyForWhomItsCaDoesNotVouch) {
  PrivateCa other{world_.root() / "other"};
  ASSERT_TRUE(other.good());
  const std::string before = owner_->picture();
  const std::string ours = of_ca(ca_.file()), wrong = of_ca(other.file());
  const std::string system = "vhost = \"troop\"\ncreate = true\n";
  // The management API, then AMQP.
  expect_refusal({amqp(), https()}, wrong, "by the CAs of " + other.file().string());
  expect_refusal({amqp(), https("127.0.0.1")}, ours, "name matches target host name '127.0.0.1'");
  expect_refusal({amqps(), http()}, wrong, "the certificate is not trusted for localhost: ");
  expect_refusal({amqps(), http()}, system, "by the CAs of the system; ca_file names others");
  expect_refusal({amqps("127.0.0.1"), https()}, ours, "IP address mismatch");
  expect_refusal({owner_->broker_url("amqps", "localhost", owner_->broker().address().port), https()}, ours,
                 "AMQP over TLS on localhost:");
  expect_refusal({amqps(), https()}, of_ca("/nowhere/ca.pem"), "ca_file /nowhere/ca.pem: No such file or directory");
  EXPECT_EQ(owner_->picture(), before);

  ASSERT_TRUE(owner_->broker().stop());
  ca_.issue("DNS:localhost", -1);  // into the same files
  ASSERT_TRUE(ca_.good());
  ASSERT_TRUE(owner_->broker().start_again());
  ASSERT_TRUE(eventually([&] { return owner_->picture() == before; }, 60s));
  expect_refusal({amqp(), https()}, ours, "certificate has expired");
  expect_refusal({amqps(), http()}, ours, "certificate has expired");
  EXPECT_EQ(owner_->picture(), before);
}

/// What became of the connections of `process` while the clock was wrong: "up", "lost" ...
std::vector<std::string> connections_while_skewed(const fs::path& history, std::string_view process) {
  std::vector<std::string> seen;
  bool skewed = false;
  std::ifstream lines{history};
  for (std::string line; std::getline(lines, line);) {
    const auto event = boost::json::parse(line).as_object();
    const auto text = [&](const char* name) {
      const auto* found = event.if_contains(name);
      return found != nullptr && found->is_string() ? std::string{found->get_string()} : std::string{};
    };
    // From the proof that it is wrong to the wish that it be right.
    if (text("f") == "fault" && text("name") == "clock.skew") skewed = text("phase") == "start" && text("type") == "ok";
    if (skewed && text("f") == "connection" && text("process") == process) seen.push_back(text("value"));
  }
  return seen;
}

TEST_F(AttachedTlsTest, HasNoWayBackForAProducerWhoseClockSaysThatTheCertificateHasExpired) {
  if (const auto clock = agents::FakeClock::make(); clock.has_error()) GTEST_SKIP() << clock.error().context;
  const std::string before = owner_->picture();
  const std::string skew = R"(
[[step]]
at = "1s"
fault = "clock.skew"
target = "producer-1"
for = "6s"
offset = "720h"
)";
  expect_refusal({amqp(), https()}, of_ca(ca_.file()) + skew, "producer-1 shows nobody its clock");
  const std::string close = R"(
[[step]]
at = "4s"
fault = "broker.close_connections"
target = "broker"
for = "2s"
)";
  TroopCommand troop{
      world_, arguments(of_ca(ca_.file()) + skew + close, {"--set", "duration=\"9s\""}), {amqps(), https()}};
  ASSERT_EQ(troop.exit_code(run_max), 0) << everything(troop);
  const fs::path history = world_.run_directory() / "history.ndjson";
  EXPECT_THAT(connections_while_skewed(history, "producer-1"), testing::ElementsAre("lost"));
  EXPECT_THAT(connections_while_skewed(history, "producer-2"), testing::ElementsAre("lost", "up"));
  const auto document = run_json(world_);
  for (const auto& fault : document.at("faults").as_array()) {
    EXPECT_EQ(fault.at("outcome").as_string(), "proven") << boost::json::serialize(fault);
    EXPECT_TRUE(fault.at("restored_ns").is_int64()) << boost::json::serialize(fault);
  }
  EXPECT_THAT(everything(troop), HasSubstr("its clock is between +259"));
  EXPECT_EQ(count_of(document, "accounting", "unaccounted"), 0);
  EXPECT_TRUE(eventually([&] { return owner_->picture() == before; }, 10s)) << owner_->picture();
  expect_nothing_left();
}

}  // namespace
}  // namespace troop::test
