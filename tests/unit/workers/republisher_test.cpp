#include "agents/workers/republisher.hpp"

#include <gmock/gmock.h>

namespace troop::agents {
namespace {

std::vector<std::uint64_t> tags(const std::vector<Recorder::Delivery>& deliveries) {
  std::vector<std::uint64_t> out;
  for (const auto& delivery : deliveries) out.push_back(delivery.tag);
  return out;
}

class RepublisherTest : public testing::Test {
 protected:
  RepublisherTest() {
    for (const std::uint64_t tag : {70U, 71U, 73U, 80U}) {
      republisher_.publish(out_, {tag, false, MessageHeaders{1, 1, 5, tag}});
    }
  }
  std::string out_;
  Republisher republisher_{worker_config(WorkerConfig::Role::consumer, 1, {})};
};

TEST_F(RepublisherTest, SettlesWhatTheBrokerAnswersFor) {
  EXPECT_FALSE(out_.empty());
  EXPECT_THAT(tags(republisher_.answered(2, false)), testing::ElementsAre(71)) << "the second copy";
  EXPECT_THAT(tags(republisher_.answered(3, true)), testing::ElementsAre(70, 73));
  EXPECT_THAT(tags(republisher_.answered(3, true)), testing::IsEmpty()) << "answered already";
  EXPECT_THAT(tags(republisher_.answered(9, false)), testing::IsEmpty()) << "never sent";
  EXPECT_THAT(tags(republisher_.answered(4, false)), testing::ElementsAre(80));
}

TEST_F(RepublisherTest, CountsAnewOnANewChannel) {
  republisher_.forget();
  EXPECT_THAT(tags(republisher_.answered(9, true)), testing::IsEmpty());
  republisher_.publish(out_, {1, true, MessageHeaders{1, 1, 5, 70}});
  EXPECT_THAT(tags(republisher_.answered(1, false)), testing::ElementsAre(1));
}

}  // namespace
}  // namespace troop::agents
