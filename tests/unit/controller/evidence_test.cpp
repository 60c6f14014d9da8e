#include "controller/run/evidence.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <set>

#include "agents/protocol/frame.hpp"
#include "tests/support/run_documents.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troop::controller {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

class EvidenceTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string kept(const std::string& name) const {
    std::ifstream file{folder_.path() / "evidence" / name, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
  void put(const std::string& name, const std::string& text) const {
    std::ofstream{folder_ / name, std::ios::binary} << text;
  }
  testing_support::TemporaryFolder folder_;
  formats::RunDocument document_ = testing::sample_document();
  Logs logs_;
};

TEST_F(EvidenceTest, HoldsAllThatTheRunKnows) {
  logs_.take("broker.log", "started\n");
  logs_.take("broker.log", "stopped\n");
  put("agent.log", "a complaint\n");
  ASSERT_TRUE(keep_evidence(folder_.path(), document_, logs_));
  EXPECT_EQ(kept("scenario.toml"), document_.scenario_text);
  EXPECT_EQ(kept("broker.log"), "started\nstopped\n");
  EXPECT_EQ(kept("agent.log"), "a complaint\n");
  EXPECT_FALSE(fs::exists(folder_ / "agent.log")) << "it moved";

  const auto facts = boost::json::parse(kept("facts.json"));
  EXPECT_EQ(facts.at("seed").as_int64(), 4'711'042'193);
  EXPECT_EQ(facts.at("versions").at("rabbitmq").as_string(), "3.10.8");
  EXPECT_EQ(facts.at("versions").at("Erlang/OTP").as_string(), "25");
  EXPECT_EQ(facts.at("versions").at("kernel").as_string(), "Linux 6.1.0-18-amd64 x86_64");
  const auto& fault = facts.at("faults").at(0);
  EXPECT_EQ(fault.at("victim").as_string(), "rabbit1@localhost");
  EXPECT_EQ(fault.at("victim_pid").as_int64(), 4242);
  EXPECT_EQ(fault.at("back_end").as_string(), "SIGKILL to the broker's process");
}

TEST_F(EvidenceTest, ListsEveryFileItHoldsAndSaysWhatIsMissing) {
  logs_.take("broker.log", "started\n");
  ASSERT_TRUE(keep_evidence(folder_.path(), document_, logs_));
  const auto manifest = boost::json::parse(kept("manifest.json"));
  std::set<std::string> listed{"manifest.json"};
  for (const auto& file : manifest.at("files").as_array()) {
    const std::string name{file.at("name").as_string()};
    listed.insert(name);
    EXPECT_EQ(static_cast<std::size_t>(file.at("bytes").as_int64()), kept(name).size()) << name;
  }
  std::set<std::string> found;
  for (const auto& entry : fs::directory_iterator{folder_ / "evidence"}) found.insert(entry.path().filename());
  EXPECT_EQ(listed, found);
  ASSERT_EQ(manifest.at("missing").as_array().size(), 1U);
  EXPECT_EQ(manifest.at("missing").at(0).at("name").as_string(), "broker-output.log");
}

TEST_F(EvidenceTest, HoldsNoCredential) {
  logs_.take("broker.log", "client of amqp://guest:hunter2@host/\n");
  put("workers.log", "password = hunter2\n");
  ASSERT_TRUE(keep_evidence(folder_.path(), document_, logs_));
  EXPECT_EQ(kept("broker.log"), "client of amqp://[redacted]@host/\n");
  EXPECT_THAT(kept("workers.log"), AllOf(HasSubstr("password"), Not(HasSubstr("hunter2"))));
}

TEST_F(EvidenceTest, SaysThatTheDiskWasLost) {
  put("evidence", "a file where the folder should be");
  const auto failed = keep_evidence(folder_.path(), document_, logs_);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::lost);
}

TEST(Logs, TakeThoseOfEveryNode) {
  Logs logs{2};
  for (const char* name : {"broker.log", "broker-2.log", "broker-2-output.log", "broker-3.log"}) logs.take(name, "x");
  EXPECT_EQ(logs.text("broker.log"), "x");
  EXPECT_EQ(logs.text("broker-2.log"), "x");
  EXPECT_EQ(logs.text("broker-2-output.log"), "x");
  EXPECT_EQ(logs.text("broker-3.log"), "");
}

TEST(Logs, TakeOnlyWhatIsExpectedOfAnAgent) {
  Logs logs;
  for (const char* name : {"../../etc/passwd", "agent.log", "manifest.json", ""}) {
    logs.take(name, "x");
    EXPECT_EQ(logs.text(name), "") << name;
  }
  for (int piece = 0; piece < 20; ++piece) logs.take("broker.log", std::string(protocol::log_piece_bytes_max, 'x'));
  EXPECT_EQ(logs.text("broker.log").size(), protocol::log_bytes_max);
}

}  // namespace
}  // namespace troop::controller
