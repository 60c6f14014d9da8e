#include "agents/workers/config.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <thread>

#include "common/unique_fd.hpp"

namespace troop::agents {
namespace {

WorkerConfig example() {
  model::Workload workload;
  workload.producers = 3;
  workload.rate = 1500;
  workload.queue = {"orders", model::Queue::Type::quorum, true};
  workload.publish.confirm = model::Publish::Confirm::simple;
  workload.publish.retry.initial = std::chrono::milliseconds{150};
  workload.consume.ack = model::Consume::Ack::automatic;
  workload.consume.work = std::chrono::milliseconds{5};
  WorkerConfig config = worker_config(WorkerConfig::Role::producer, 2, workload);
  config.port = 21000;
  config.user = "troop";
  config.password = "with \"quotes\" and \\ and ü";
  config.tls = TlsPeer{"broker.example", "/etc/troop/ca.pem"};
  config.next_hosts = {"10.0.0.2", "10.0.0.3"};
  config.start_ns = 123456789012345;
  config.seed = UINT64_MAX;
  return config;
}

TEST(WorkerConfigTest, SurvivesTheWayThroughJson) {
  const WorkerConfig config = example();
  const auto back = worker_config_from_json(to_json(config));
  ASSERT_TRUE(back) << back.error().context;
  EXPECT_EQ(to_json(back.value()), to_json(config));
  EXPECT_EQ(back.value().password, config.password);
  EXPECT_EQ(back.value().tls, config.tls);
  EXPECT_EQ(back.value().next_hosts, config.next_hosts);
  EXPECT_EQ(back.value().seed, config.seed);
  EXPECT_EQ(back.value().start_ns, config.start_ns);
  EXPECT_EQ(back.value().workload.queue.type, model::Queue::Type::quorum);
  EXPECT_EQ(back.value().workload.consume.work, config.workload.consume.work);
  EXPECT_DOUBLE_EQ(back.value().rate, 500);
}

TEST(WorkerConfigTest, NamesTheWorkerByRoleAndNumber) {
  EXPECT_EQ(worker_name(example()), "producer-2");
  EXPECT_EQ(worker_name(worker_config(WorkerConfig::Role::consumer, 7, {})), "consumer-7");
  EXPECT_EQ(worker_name(worker_config(WorkerConfig::Role::reader, 1, {})), "reader-1");
}

struct Wrong {
  const char* name;
  const char* member;
  boost::json::value value;
};

void PrintTo(const Wrong& c, std::ostream* out) { *out << c.name; }

class WrongWorkerConfigTest : public testing::TestWithParam<Wrong> {};

TEST_P(WrongWorkerConfigTest, IsRefusedByNameWithoutQuotingAValue) {
  auto object = boost::json::parse(to_json(example())).as_object();
  object[GetParam().member] = GetParam().value;
  const auto config = worker_config_from_json(boost::json::serialize(object));
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().context.find(GetParam().member), std::string::npos) << config.error().context;
  EXPECT_EQ(config.error().context.find("quotes"), std::string::npos) << config.error().context;
}

INSTANTIATE_TEST_SUITE_P(, WrongWorkerConfigTest,
                         testing::ValuesIn(std::vector<Wrong>{
                             {"role", "role", "spectator"},
                             {"number_zero", "number", 0},
                             {"number_text", "number", "1"},
                             {"port_zero", "port", 0},
                             {"port_too_large", "port", 70000},
                             {"port_fraction", "port", 5.5},
                             {"password_number", "password", 5},
                             {"tls_flag", "tls", true},
                             {"rate_negative", "rate", -1},
                             {"seed_negative", "seed", -1},
                             {"start_negative", "start_ns", -1},
                             {"workload_missing", "workload", nullptr},
                         }),
                         [](const auto& c) { return std::string{c.param.name}; });

TEST(WorkerConfigTest, RefusesEveryPrefixOfItself) {
  const std::string text = to_json(example());
  for (std::size_t n = 0; n < text.size(); ++n)
    EXPECT_FALSE(worker_config_from_json(std::string_view{text}.substr(0, n)));
}

TEST(WorkerConfigTest, RefusesNumbersAWorkerCannotWorkWith) {
  WorkerConfig config = example();
  config.workload.publish.window = 0;
  EXPECT_FALSE(worker_config_from_json(to_json(config)));
  config = example();
  config.workload.publish.retry.timeout = Duration{0};
  EXPECT_FALSE(worker_config_from_json(to_json(config)));
  config = example();
  config.workload.queue.name = std::string(256, 'q');
  EXPECT_FALSE(worker_config_from_json(to_json(config)));
}

Result<WorkerConfig> through_a_pipe(const std::string& text) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  UniqueFd out{ends[0]};
  UniqueFd in{ends[1]};
  std::thread writer{[&] {
    std::size_t done = 0;
    while (done < text.size()) {
      const ssize_t n = write(in.get(), text.data() + done, text.size() - done);
      if (n <= 0) break;
      done += static_cast<std::size_t>(n);
    }
    in.reset();
  }};
  auto config = read_worker_config(out.get());
  std::string rest(1 << 20, '\0');
  while (read(out.get(), rest.data(), rest.size()) > 0) {
  }
  writer.join();
  return config;
}

TEST(WorkerConfigTest, ComesThroughADescriptor) {
  EXPECT_TRUE(through_a_pipe(to_json(example())));
  EXPECT_FALSE(through_a_pipe(""));
  EXPECT_FALSE(through_a_pipe(to_json(example()) + std::string(WorkerConfig::bytes_max, ' ')));
  EXPECT_FALSE(read_worker_config(-1));
}

TEST(OwnedKeysTest, BelongToExactlyOneProducer) {
  model::Workload workload;
  workload.producers = 3;
  workload.keys = 10;
  std::vector<int> owners(11, 0);
  for (std::int64_t number = 1; number <= 3; ++number) {
    for (const auto key : owned_keys(worker_config(WorkerConfig::Role::producer, number, workload))) ++owners[key];
  }
  EXPECT_EQ(owners, (std::vector<int>{0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}));
}

TEST(OwnedKeysTest, AreNeverEmptyAndNeverShared) {
  model::Workload workload;
  workload.producers = 4;
  workload.keys = 2;
  std::vector<std::uint32_t> all;
  for (std::int64_t number = 1; number <= 4; ++number) {
    const auto keys = owned_keys(worker_config(WorkerConfig::Role::producer, number, workload));
    all.insert(all.end(), keys.begin(), keys.end());
  }
  EXPECT_EQ(all, (std::vector<std::uint32_t>{1, 2, 3, 4}));
}

}  // namespace
}  // namespace troop::agents
