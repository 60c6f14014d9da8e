#include "scenarios/model/topology.hpp"

#include <gmock/gmock.h>

namespace troop::model {
namespace {

using testing::ElementsAre;

std::vector<std::string> names(const std::vector<QueueDeclaration>& queues) {
  std::vector<std::string> out;
  for (const auto& queue : queues) out.push_back(queue.name);
  return out;
}

/// "x-max-length=7", in the order of the declaration.
std::vector<std::string> written(const std::vector<QueueArgument>& arguments) {
  std::vector<std::string> out;
  for (const auto& [name, value] : arguments) {
    std::string text = std::string{name} + "=";
    if (const auto* number = std::get_if<std::int64_t>(&value)) text += std::to_string(*number);
    if (const auto* flag = std::get_if<bool>(&value)) text += *flag ? "true" : "false";
    if (const auto* word = std::get_if<std::string>(&value)) text += *word;
    out.push_back(text);
  }
  return out;
}

TEST(TopologyTest, IsOneQueueBehindTheDefaultExchangeUnlessMoreIsAsked) {
  const Topology topology = topology_of({});
  EXPECT_THAT(topology.exchanges, testing::IsEmpty());
  EXPECT_THAT(topology.bindings, testing::IsEmpty());
  EXPECT_THAT(names(topology.queues), ElementsAre("troop.work"));
  EXPECT_THAT(topology.queues[0].arguments, testing::IsEmpty());
  EXPECT_EQ(topology.count(QueueDeclaration::Use::work), 1U);
  EXPECT_EQ(topology.destination(0).exchange, "");
  EXPECT_EQ(topology.destination(0).routing_key, "troop.work");
}

TEST(TopologyTest, BindsEveryCopyToTheExchange) {
  Workload workload;
  workload.exchange = {"shop", Exchange::Type::fanout, false, true, true};
  workload.queue.copies = 3;
  const Topology topology = topology_of(workload);
  ASSERT_EQ(topology.exchanges.size(), 1U);
  EXPECT_EQ(topology.exchanges[0].type, "fanout");
  EXPECT_FALSE(topology.exchanges[0].durable);
  EXPECT_THAT(names(topology.queues), ElementsAre("troop.work.1", "troop.work.2", "troop.work.3"));
  ASSERT_EQ(topology.bindings.size(), 3U);
  EXPECT_EQ(topology.bindings[2].queue, "troop.work.3");
  EXPECT_EQ(topology.bindings[2].routing_key, topology.destination(0).routing_key);
  EXPECT_EQ(topology.destination(0).exchange, "shop");
  for (std::int64_t consumer = 1; consumer <= 6; ++consumer) {
    EXPECT_EQ(queue_of_consumer(workload, consumer), static_cast<std::size_t>((consumer - 1) % 3)) << consumer;
  }
}

TEST(TopologyTest, LeavesOutWhatIsMeantToBeMissing) {
  Workload workload;
  workload.exchange.name = "shop";
  workload.exchange.bound = false;
  EXPECT_EQ(topology_of(workload).exchanges.size(), 1U);
  EXPECT_THAT(topology_of(workload).bindings, testing::IsEmpty());
  workload.exchange.exists = false;
  EXPECT_THAT(topology_of(workload).exchanges, testing::IsEmpty());
  EXPECT_EQ(topology_of(workload).destination(0).exchange, "shop") << "publishing goes there all the same";
  workload.queue.dead_letter.emplace();
  workload.queue.dead_letter->exists = false;
  EXPECT_THAT(names(topology_of(workload).queues), ElementsAre("troop.work"));
  EXPECT_THAT(written(topology_of(workload).queues[0].arguments),
              ElementsAre("x-dead-letter-exchange=", "x-dead-letter-routing-key=troop.dead"));
}

TEST(TopologyTest, MakesTheDeadLetterQueueASinkBehindItsExchange) {
  Workload workload;
  workload.queue.dead_letter = DeadLetter{"dlx", "dead", true};
  const Topology topology = topology_of(workload);
  EXPECT_THAT(names(topology.queues), ElementsAre("troop.work", "dead"));
  EXPECT_EQ(topology.count(QueueDeclaration::Use::work), 1U);
  EXPECT_EQ(topology.queues[1].use, QueueDeclaration::Use::sink);
  ASSERT_EQ(topology.bindings.size(), 1U);
  EXPECT_EQ(topology.bindings[0].exchange, "dlx");
  EXPECT_EQ(topology.bindings[0].queue, "dead");
}

TEST(TopologyTest, WritesArgumentsAsRabbitmqReadsThem) {
  Workload workload;
  workload.queue.type = Queue::Type::quorum;
  workload.queue.single_active_consumer = true;
  workload.queue.message_ttl = 1500ms;
  workload.queue.expires = 1min;
  workload.queue.max_length = 7;
  workload.queue.overflow = Queue::Overflow::reject_publish;
  workload.queue.delivery_limit = 3;
  EXPECT_THAT(written(topology_of(workload).queues[0].arguments),
              ElementsAre("x-queue-type=quorum", "x-single-active-consumer=true", "x-message-ttl=1500",
                          "x-expires=60000", "x-max-length=7", "x-overflow=reject-publish", "x-delivery-limit=3"));
  workload.queue = {};
  workload.queue.lazy = true;
  workload.queue.max_priority = 9;
  EXPECT_THAT(written(topology_of(workload).queues[0].arguments), ElementsAre("x-queue-mode=lazy", "x-max-priority=9"));
}

TEST(TopologyTest, PutsWhatConsumersGiveUpIntoASinkOfItsOwn) {
  Workload workload;
  workload.consume.on_failure = Consume::OnFailure::republish;
  workload.consume.error = {"errors", "given-up", true};
  Topology topology = topology_of(workload);
  EXPECT_THAT(names(topology.queues), ElementsAre("troop.work", "given-up"));
  EXPECT_EQ(topology.queues[1].use, QueueDeclaration::Use::sink);
  EXPECT_EQ(topology.exchanges.at(0).type, "fanout") << "the routing key says which queue a message left";
  EXPECT_EQ(topology.bindings.size(), 1U);
  workload.consume.error.bound = false;
  EXPECT_THAT(topology_of(workload).bindings, testing::IsEmpty());
}

TEST(TopologyTest, DelaysInQueuesThatExpireIntoTheWorkQueue) {
  Workload workload;
  workload.publish.delays = {1s, 2500ms, 1s};
  const Topology topology = topology_of(workload);
  EXPECT_THAT(names(topology.queues), ElementsAre("troop.work", "troop.work.delay.1s", "troop.work.delay.2500ms"));
  EXPECT_THAT(written(topology.queues[2].arguments),
              ElementsAre("x-message-ttl=2500", "x-dead-letter-exchange=", "x-dead-letter-routing-key=troop.work"));
  EXPECT_EQ(topology.queues[1].use, QueueDeclaration::Use::delay);
  EXPECT_EQ(topology.count(QueueDeclaration::Use::sink), 0U);
  ASSERT_EQ(topology.bindings.size(), 2U);
  EXPECT_EQ(topology.bindings[1].ends_in, "troop.work");
  EXPECT_EQ(topology.destination(1).routing_key, topology.bindings[1].routing_key);
  EXPECT_EQ(topology.destination(3).routing_key, "1s") << "messages take turns";
}

TEST(TopologyTest, DelaysInAnExchangeOfThePlugin) {
  Workload workload;
  workload.publish.delays = {1s, 2500ms, 1s};
  workload.publish.delays_by = Publish::DelaysBy::plugin;
  const Topology topology = topology_of(workload);
  EXPECT_THAT(names(topology.queues), ElementsAre("troop.work"));
  ASSERT_EQ(topology.exchanges.size(), 1U);
  EXPECT_TRUE(topology.exchanges[0].delays);
  EXPECT_EQ(topology.exchanges[0].type, "direct");
  EXPECT_THAT(topology.bindings, ElementsAre(BindingDeclaration{"troop.work.delay", "troop.work", "1s"},
                                             BindingDeclaration{"troop.work.delay", "troop.work", "2500ms"}));
  EXPECT_EQ(topology.destination(1).exchange, "troop.work.delay");
  EXPECT_EQ(topology.destination(1).routing_key, "2500ms");
  EXPECT_EQ(topology.destination(1).delay, 2500ms);
  EXPECT_EQ(topology.destination(2).delay, 1s);
  EXPECT_EQ(topology.destination(4).delay, 2500ms) << "messages take turns";
}

}  // namespace
}  // namespace troop::model
