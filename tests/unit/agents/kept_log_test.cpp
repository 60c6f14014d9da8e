#include "agents/daemon/kept_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "agents/protocol/frame.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troop::agents {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class KeptLogTest : public ::testing::Test {
 protected:
  KeptLogTest() {
    for (const char* name : {"log", "home"}) std::filesystem::create_directory(folder_ / name);
  }
  void put(const std::string& name, const std::string& text) const {
    std::ofstream{folder_ / name, std::ios::binary} << text;
  }
  testing_support::TemporaryFolder folder_;
};

TEST_F(KeptLogTest, HoldsWhatWasLoggedAndWhatWasPrinted) {
  put("log/troop@localhost.log", "second\n");
  put("log/a.log", "first\n");
  put("log/other.dump", "not a log");
  put("out", "banner\n");
  const auto logs = broker_logs(folder_.path(), {});
  ASSERT_EQ(logs.size(), 2U);
  EXPECT_EQ(logs[0].name, "broker.log");
  EXPECT_EQ(logs[0].text, "first\nsecond\n");
  EXPECT_EQ(logs[1].name, "broker-output.log");
  EXPECT_EQ(logs[1].text, "banner\n");
}

TEST_F(KeptLogTest, HoldsNoSecretOfItsBroker) {
  put("home/.erlang.cookie", "ABCDEFGHIJKLMNOPQRST");
  put("log/a.log", "user troop with 0123456789abcdef, cookie ABCDEFGHIJKLMNOPQRST, 0123456789abcdef\n");
  const auto logs = broker_logs(folder_.path(), {"0123456789abcdef", ""});
  ASSERT_EQ(logs.size(), 1U);
  EXPECT_EQ(logs[0].text, "user troop with [redacted], cookie [redacted], [redacted]\n");
}

TEST_F(KeptLogTest, HoldsTheEndOfALongOne) {
  std::string text;
  while (text.size() <= protocol::log_bytes_max + 100'000) text += "line " + std::to_string(text.size()) + "\n";
  put("log/a.log", text);
  const auto logs = broker_logs(folder_.path(), {});
  ASSERT_EQ(logs.size(), 1U);
  EXPECT_LE(logs[0].text.size(), protocol::log_bytes_max);
  EXPECT_GT(logs[0].text.size(), protocol::log_bytes_max - 100);
  EXPECT_THAT(logs[0].text, ::testing::StartsWith("line "));
  EXPECT_TRUE(text.ends_with(logs[0].text));
}

TEST_F(KeptLogTest, IsNoLogWhereThereIsNone) {
  EXPECT_TRUE(broker_logs(folder_.path(), {}).empty());
  EXPECT_TRUE(broker_logs(folder_ / "nowhere", {}).empty());
}

}  // namespace
}  // namespace troop::agents
