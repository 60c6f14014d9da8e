// What names mean, as somebody in the test's place of libc says: now, and while a fault is in force.
#include "agents/faults/named_peers.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "tests/support/name_server.hpp"
#include "tests/support/private_network.hpp"
#include "tests/unit/agents/children.hpp"

namespace troop::agents {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Address = boost::asio::ip::address;
using Addresses = std::vector<Address>;

Address address(const std::string& text) { return boost::asio::ip::make_address(text); }

/// A name service; outlives the test in the threads that ask it.
class Names {
 public:
  void set(const std::string& name, const std::vector<std::string>& meaning) {
    const std::lock_guard lock{book_->mutex};
    book_->entries[name] = meaning;
  }
  void forget(const std::string& name) {
    const std::lock_guard lock{book_->mutex};
    book_->entries.erase(name);
  }
  /// Nobody is answered while it does.
  void hang(bool now) {
    book_->hangs = now;
    book_->hangs.notify_all();
  }
  [[nodiscard]] int asked() const { return book_->asked; }
  [[nodiscard]] Resolve resolve() const {
    return [book = book_](const std::string& name) -> Result<Addresses> {
      ++book->asked;
      book->hangs.wait(true);
      const std::lock_guard lock{book->mutex};
      const auto found = book->entries.find(name);
      if (found == book->entries.end()) return Error{ErrorKind::lost, "nobody knows it"};
      Addresses addresses;
      for (const auto& text : found->second) addresses.push_back(address(text));
      return addresses;
    };
  }

 private:
  struct Book {
    std::mutex mutex;
    std::map<std::string, std::vector<std::string>> entries;
    std::atomic<bool> hangs = false;
    std::atomic<int> asked = 0;
  };
  std::shared_ptr<Book> book_ = std::make_shared<Book>();
};

class NamedPeersTest : public testing::Test {
 protected:
  ~NamedPeersTest() override { names_.hang(false); }
  /// What `db.test` and `web.test` are now, and the time goes by in steps of the test's.
  NamedPeers followed() {
    auto known = resolved({"db.test", "web.test"}, 60s, names_.resolve());
    EXPECT_TRUE(known) << known.error().context;
    return NamedPeers{known.value(), now_, names_.resolve()};
  }
  /// Goes on until a round of questions was heard of that began after this: the one after it has begun. Before it there
  /// may be one that is not over.
  void next_round(NamedPeers& peers) {
    const int rounds_begun = names_.asked() + 2 * 2 + 1;
    ASSERT_TRUE(test::until([&] {
      now_ += NameWatch::interval.count();
      ask(peers);
      return names_.asked() >= rounds_begun;
    }));
  }
  void ask(NamedPeers& peers) {
    peers.follow(now_, [this](const Address& each) -> Result<void> {
      offered_.push_back(each.to_string());
      if (each == protected_) return usage_error("it is protected");
      return success();
    });
  }

  Names names_;
  std::int64_t now_ = 1'000'000;
  std::vector<std::string> offered_;
  Address protected_ = address("10.0.0.5");
};

TEST_F(NamedPeersTest, AreAllAddressesOfAName) {
  names_.set("db.test", {"2001:db8::1", "192.0.2.9", "192.0.2.10", "192.0.2.9"});
  const auto peers = resolved({"db.test"}, 60s, names_.resolve());
  ASSERT_TRUE(peers) << peers.error().context;
  EXPECT_THAT(peers.value().at(0).addresses,
              ElementsAre(address("192.0.2.9"), address("192.0.2.10"), address("2001:db8::1")));
  EXPECT_EQ(told_of(peers.value()), "db.test is 192.0.2.9, 192.0.2.10, 2001:db8::1");
  EXPECT_TRUE(resolved({}, 60s, names_.resolve()).value().empty());
}

TEST_F(NamedPeersTest, AreRefusedWhereANameMeansNothingOrTooMuch) {
  const auto expect_refused = [&](const std::vector<std::string>& names, Duration patience, const std::string& hint) {
    const auto peers = resolved(names, patience, names_.resolve());
    ASSERT_TRUE(peers.has_error()) << hint;
    EXPECT_EQ(peers.error().kind, ErrorKind::usage);
    EXPECT_THAT(peers.error().context, HasSubstr(hint));
  };
  names_.set("db.test", {"192.0.2.9"});
  expect_refused({"db.test", "none.test"}, 60s, "'none.test' does not resolve: nobody knows it");
  std::vector<std::string> many;
  for (int i = 1; i <= 65; ++i) many.push_back("192.0.2." + std::to_string(i));
  names_.set("many.test", many);
  expect_refused({"many.test"}, 60s, "'many.test' has 65 addresses, and at most 64 are possible");
  expect_refused(std::vector<std::string>(65, "db.test"), 60s, "65 names");
  names_.hang(true);
  expect_refused({"db.test"}, 10ms, "'db.test' does not resolve: no answer within 10ms");
}

TEST_F(NamedPeersTest, GetWhatTheNamesGetAndKeepWhatTheyLose) {
  names_.set("db.test", {"192.0.2.9"});
  names_.set("web.test", {"192.0.2.20"});
  auto peers = followed();
  EXPECT_EQ(peers.told(), "db.test is 192.0.2.9; web.test is 192.0.2.20");
  next_round(peers);
  EXPECT_TRUE(offered_.empty()) << "it is all known";
  names_.set("db.test", {"192.0.2.10", "2001:db8::1"});
  next_round(peers);
  EXPECT_THAT(offered_, ElementsAre("192.0.2.10", "2001:db8::1")) << "each once";
  names_.forget("db.test");
  names_.set("web.test", {"192.0.2.21"});
  next_round(peers);
  EXPECT_THAT(offered_, ElementsAre("192.0.2.10", "2001:db8::1", "192.0.2.21"));
  names_.set("db.test", {"192.0.2.9", "192.0.2.10"});
  next_round(peers);
  EXPECT_EQ(offered_.size(), 3U) << "they were peers all the time";
  EXPECT_EQ(peers.told(),
            "db.test is 192.0.2.9, and later 192.0.2.10, 2001:db8::1; web.test is 192.0.2.20, and later 192.0.2.21");
}

TEST_F(NamedPeersTest, LeaveOutWhatMayNotBeAndSayWhy) {
  names_.set("db.test", {"192.0.2.9"});
  names_.set("web.test", {"192.0.2.20"});
  auto peers = followed();
  names_.set("db.test", {"10.0.0.5", "192.0.2.9"});
  std::vector<std::string> many;
  for (int i = 1; i <= 70; ++i) many.push_back("198.51.100." + std::to_string(i));
  names_.set("web.test", many);
  next_round(peers);
  EXPECT_EQ(offered_.size(), 1 + addresses_max - 1);
  EXPECT_THAT(peers.told(), AllOf(HasSubstr("db.test is 192.0.2.9; left out: 10.0.0.5 (it is protected); web.test"),
                                  HasSubstr("198.51.100.63; left out: what is beyond 64 addresses"),
                                  Not(HasSubstr("198.51.100.64"))));
}

TEST_F(NamedPeersTest, WaitForNobodyAndAskOneAfterTheOther) {
  names_.set("db.test", {"192.0.2.9"});
  names_.set("web.test", {"192.0.2.20"});
  auto peers = followed();
  const int before = names_.asked();
  ask(peers);
  names_.hang(true);
  names_.set("db.test", {"192.0.2.10"});
  for (int i = 0; i < 5; ++i) {
    now_ += NameWatch::interval.count();
    ask(peers);
  }
  ASSERT_TRUE(test::until([&] { return names_.asked() > before; }));
  EXPECT_EQ(names_.asked(), before + 1) << "nobody asks again who has no answer yet";
  EXPECT_TRUE(offered_.empty());
  names_.hang(false);
  ASSERT_TRUE(test::until([&] {
    ask(peers);
    return !offered_.empty();
  }));
  EXPECT_THAT(offered_, ElementsAre("192.0.2.10"));
}

TEST(HostNamesTest, AreWhatARealNameServerSays) {
  if (access(troop::test::NameServer::program, X_OK) != 0) FAIL() << "dnsmasq is not there (package dnsmasq-base)";
  std::thread{[] {
    const troop::test::PrivateNetwork network;
    if (!network.why_not().empty()) GTEST_SKIP() << network.why_not();
    const troop::test::OwnResolvConf own{"nameserver 127.0.0.2\noptions timeout:2 attempts:1\n"};
    ASSERT_TRUE(own.ours()) << "no mount of its own";
    const troop::test::NameServer server{{"127.0.0.2"}};
    ASSERT_TRUE(test::until([] { return troop::test::look_up("db.test").error == 0; }));
    const auto peers = resolved({"db.test", "big.test"}, 60s);
    ASSERT_TRUE(peers) << peers.error().context;
    EXPECT_THAT(peers.value().at(0).addresses, ElementsAre(address("192.0.2.10"), address("2001:db8::10")));
    EXPECT_EQ(peers.value().at(1).addresses.size(), 60U);
    const auto nobody = resolved({"nobody.test"}, 60s);
    ASSERT_TRUE(nobody.has_error());
    EXPECT_THAT(nobody.error().context, HasSubstr("'nobody.test' does not resolve"));
  }}.join();
}

}  // namespace
}  // namespace troop::agents
