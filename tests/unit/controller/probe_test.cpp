#include <gmock/gmock.h>

#include "controller/probes/catalogue.hpp"
#include "controller/probes/publish_probe.hpp"
#include "tests/unit/controller/publishes.hpp"

namespace troop::controller {
namespace {

using protocol::RecordError;
using protocol::RecordKind;
using test::ms;
using testing::DoubleEq;
using testing::ElementsAre;
using testing::Pair;

model::SteadyState wanted(std::map<std::string, model::Bound, std::less<>> tolerance) {
  model::SteadyState steady;
  steady.probe = "amqp.publish";
  steady.interval = std::chrono::seconds{1};
  steady.tolerance = std::move(tolerance);
  return steady;
}

constexpr model::Bound at_least(double limit) { return {model::Bound::Op::greater_equal, limit}; }
constexpr model::Bound below(double limit) { return {model::Bound::Op::less, limit}; }

class PublishProbeTest : public testing::Test {
 protected:
  void invoke(std::uint64_t op, std::int64_t intended, std::uint16_t worker = 0) {
    probe_.observe(worker, test::publish(RecordKind::publish_invoke, op, intended + 1, intended));
  }
  void complete(RecordKind kind, std::uint64_t op, std::int64_t time, std::int64_t intended,
                RecordError error = RecordError::none, std::uint16_t worker = 0) {
    probe_.observe(worker, test::publish(kind, op, time, intended, error));
  }
  void confirmed(std::uint64_t op, std::int64_t intended, std::int64_t latency) {
    invoke(op, intended);
    complete(RecordKind::publish_ok, op, intended + latency, intended);
  }

  PublishProbe probe_{wanted({{"success", at_least(0.999)}, {"p99", below(0.5)}})};
};

TEST_F(PublishProbeTest, IsBadWhereNothingWasPublished) {
  const auto measured = probe_.close_window(1000 * ms);
  EXPECT_FALSE(measured.good);
  EXPECT_TRUE(measured.values.empty());
  EXPECT_EQ(measured.why, "nothing was published");
}

TEST_F(PublishProbeTest, IsGoodWhereAllWasConfirmedInTime) {
  for (std::uint64_t op = 1; op <= 4; ++op) confirmed(op, 100 * ms, static_cast<std::int64_t>(op) * 10 * ms);
  const auto measured = probe_.close_window(1000 * ms);
  EXPECT_TRUE(measured.good) << measured.why;
  EXPECT_EQ(measured.why, "");
  EXPECT_THAT(measured.values,
              ElementsAre(Pair("p50", DoubleEq(0.020)), Pair("p99", DoubleEq(0.040)), Pair("success", DoubleEq(1))));
}

TEST_F(PublishProbeTest, CountsLatencyFromThePlannedTime) {
  probe_.observe(0, test::publish(RecordKind::publish_invoke, 1, 700 * ms, 100 * ms));  // sent late
  complete(RecordKind::publish_ok, 1, 701 * ms, 100 * ms);
  const auto measured = probe_.close_window(1000 * ms);
  EXPECT_THAT(measured.values, testing::Contains(Pair("p50", DoubleEq(0.601))));
  EXPECT_FALSE(measured.good);
  EXPECT_EQ(measured.why, "p99 was 0.601");
}

TEST_F(PublishProbeTest, SeesAnOutageInWhichNothingCompletes) {
  for (std::uint64_t op = 1; op <= 10; ++op) invoke(op, 100 * ms);
  const auto young = probe_.close_window(1000 * ms);
  EXPECT_FALSE(young.good) << "nothing to judge yet, and that is not good";
  EXPECT_TRUE(young.values.empty());
  const auto old = probe_.close_window(2000 * ms);
  EXPECT_FALSE(old.good);
  EXPECT_THAT(old.values,
              ElementsAre(Pair("p50", DoubleEq(1.9)), Pair("p99", DoubleEq(1.9)), Pair("success", DoubleEq(0))));
  const auto older = probe_.close_window(3000 * ms);
  EXPECT_THAT(older.values, testing::Contains(Pair("p99", DoubleEq(2.9)))) << "as long as it lasts";
}

TEST_F(PublishProbeTest, CallsAPublishOverdueOnlyAfterAWholeInterval) {
  confirmed(1, 0, ms);
  invoke(2, 0);
  EXPECT_TRUE(probe_.close_window(1000 * ms).good) << "one interval old to the nanosecond";
  confirmed(3, 0, ms);
  const auto measured = probe_.close_window(1000 * ms + 1);
  EXPECT_FALSE(measured.good);
  EXPECT_THAT(measured.values, testing::Contains(Pair("success", DoubleEq(0.5))));
}

TEST_F(PublishProbeTest, TakesALateConfirmForASuccessThatTookLong) {
  invoke(1, 100 * ms);
  (void)probe_.close_window(2000 * ms);
  complete(RecordKind::publish_ok, 1, 2500 * ms, 100 * ms);
  const auto measured = probe_.close_window(3000 * ms);
  EXPECT_THAT(measured.values, testing::Contains(Pair("success", DoubleEq(1))));
  EXPECT_THAT(measured.values, testing::Contains(Pair("p99", DoubleEq(2.4))));
  EXPECT_FALSE(probe_.close_window(4000 * ms).good) << "and it is answered for good";
}

TEST_F(PublishProbeTest, CountsFailuresAndUnknownsAgainstTheSuccess) {
  for (std::uint64_t op = 1; op <= 2; ++op) confirmed(op, 100 * ms, ms);
  invoke(3, 100 * ms);
  complete(RecordKind::publish_fail, 3, 101 * ms, 100 * ms, RecordError::nack);
  invoke(4, 100 * ms);
  complete(RecordKind::publish_info, 4, 101 * ms, 100 * ms, RecordError::connection_lost);
  const auto measured = probe_.close_window(1000 * ms);
  EXPECT_FALSE(measured.good);
  EXPECT_EQ(measured.why, "success was 0.5");
  EXPECT_THAT(measured.values, testing::Contains(Pair("p99", DoubleEq(0.001)))) << "they have no latency";
  confirmed(5, 1000 * ms, ms);
  EXPECT_TRUE(probe_.close_window(2000 * ms).good) << "and count once";
}

TEST_F(PublishProbeTest, TakesAHandedOverMessageForASuccessWithoutConfirms) {
  invoke(1, 100 * ms);
  complete(RecordKind::publish_info, 1, 102 * ms, 100 * ms, RecordError::unconfirmed);
  const auto measured = probe_.close_window(1000 * ms);
  EXPECT_TRUE(measured.good) << measured.why;
  EXPECT_THAT(measured.values, testing::Contains(Pair("p50", DoubleEq(0.002))));
}

TEST_F(PublishProbeTest, SaysWhatCouldNotBeMeasured) {
  PublishProbe probe{wanted({{"p99", below(0.5)}})};
  probe.observe(0, test::publish(RecordKind::publish_invoke, 1, ms, 0));
  probe.observe(0, test::publish(RecordKind::publish_fail, 1, 2 * ms, 0, RecordError::returned));
  const auto measured = probe.close_window(1000 * ms);
  EXPECT_FALSE(measured.good) << "what cannot be measured is in no tolerance";
  EXPECT_EQ(measured.why, "p99 could not be measured");
}

TEST_F(PublishProbeTest, ForgetsWhatADeadWorkerHadOutstandingAndNothingElse) {
  invoke(1, 0, 0);
  invoke(1, 0, 1);
  invoke(2, 0, 1);
  invoke(1, 0, 2);
  protocol::Record restarted;
  restarted.kind = RecordKind::connection_restarted;
  probe_.observe(1, restarted);
  const auto measured = probe_.close_window(2000 * ms);
  EXPECT_THAT(measured.values, testing::Contains(Pair("success", DoubleEq(0))));
  complete(RecordKind::publish_ok, 1, 2100 * ms, 0, RecordError::none, 0);
  complete(RecordKind::publish_ok, 1, 2100 * ms, 0, RecordError::none, 2);
  EXPECT_THAT(probe_.close_window(3000 * ms).values, testing::Contains(Pair("success", DoubleEq(1))))
      << "nobody else's was forgotten or mixed up";
  EXPECT_TRUE(probe_.close_window(9000 * ms).values.empty());
}

TEST_F(PublishProbeTest, IgnoresWhatIsNoPublish) {
  for (const auto kind :
       {RecordKind::deliver, RecordKind::ack, RecordKind::connection_up, RecordKind::connection_lost}) {
    complete(kind, 1, 10 * ms, 0);
  }
  EXPECT_TRUE(probe_.close_window(1000 * ms).values.empty());
}

struct Percentiles {
  const char* name;
  int samples;  ///< Of 1 ms, 2 ms, …
  double p50;
  double p99;
};

void PrintTo(const Percentiles& c, std::ostream* out) { *out << c.name; }

class PercentileTest : public testing::TestWithParam<Percentiles> {};

TEST_P(PercentileTest, IsTheNearestRank) {
  PublishProbe probe{wanted({})};
  for (int i = GetParam().samples; i >= 1; --i) {
    const auto op = static_cast<std::uint64_t>(i);
    probe.observe(0, test::publish(RecordKind::publish_invoke, op, 0, 0));
    probe.observe(0, test::publish(RecordKind::publish_ok, op, i * ms, 0));
  }
  const auto measured = probe.close_window(1000 * ms);
  EXPECT_THAT(measured.values, ElementsAre(Pair("p50", DoubleEq(GetParam().p50)), Pair("p99", DoubleEq(GetParam().p99)),
                                           Pair("success", DoubleEq(1))));
}

INSTANTIATE_TEST_SUITE_P(, PercentileTest,
                         testing::ValuesIn(std::vector<Percentiles>{{"one", 1, 0.001, 0.001},
                                                                    {"two", 2, 0.001, 0.002},
                                                                    {"three", 3, 0.002, 0.003},
                                                                    {"ten", 10, 0.005, 0.010},
                                                                    {"hundred", 100, 0.050, 0.099},
                                                                    {"hundred_and_one", 101, 0.051, 0.100},
                                                                    {"two_hundred", 200, 0.100, 0.198},
                                                                    {"seven_hundred", 700, 0.350, 0.693}}),
                         [](const auto& each) { return std::string{each.param.name}; });

TEST(ProbeCatalogueTest, ListsExactlyTheMeasuresThatAProbeGives) {
  ASSERT_EQ(probes().size(), 1U);
  EXPECT_EQ(probes()[0].name, "amqp.publish");
  PublishProbe probe{wanted({})};
  probe.observe(0, test::publish(RecordKind::publish_invoke, 1, 0, 0));
  probe.observe(0, test::publish(RecordKind::publish_ok, 1, ms, 0));
  std::vector<std::string> measured;
  for (const auto& [name, value] : probe.close_window(ms).values) measured.push_back(name);
  std::vector<std::string> listed;
  for (const auto& measure : probes()[0].measures) listed.emplace_back(measure.name);
  EXPECT_THAT(listed, testing::UnorderedElementsAreArray(measured));
}

}  // namespace
}  // namespace troop::controller
