// The control: what shows without any fault is not the faults' doing, and is no pass.
#include "reports/invariants/control.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/temporary_folder.hpp"
#include "tests/unit/invariants/story.hpp"

namespace troop::invariants {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A message that is lost, or not, while a fault is in force, or while there is none.
Story run(bool faults, bool loses) {
  Story story;
  story.run_start(faults ? R"("steps":[{"fault":"broker.kill","target":"broker"}])" : R"("steps":[])");
  story.invoke("m-0");
  if (faults) story.fault("invoke", "start").fault("ok", "start");
  for (int i = 1; i < 150; ++i) story.invoke(fmt::format("m-{}", i), 1, i);
  for (int i = 0; i < 150; ++i) {
    story.ok(fmt::format("m-{}", i));
    if (!loses || i != 7) story.deliver(fmt::format("m-{}", i), 1, i);
  }
  if (faults) story.fault("invoke", "stop").fault("ok", "stop");
  return story.drain().run_stop();
}

class ControlTest : public testing::Test {
 protected:
  std::filesystem::path store(const Story& story) {
    auto path = folder_.path() / "control.ndjson";
    std::ofstream{path} << story.text();
    return path;
  }
  /// What a run that loses a message under a fault comes to, weighed against this control.
  Judged weighed(const Story& control, const std::vector<model::InvariantSpec>& specs) {
    auto judged = judge_text(run(true, true).text(), specs);
    EXPECT_TRUE(judged) << judged.error().context;
    const auto against = judge_control(store(control), specs);
    EXPECT_TRUE(against) << against.error().context;
    weigh(judged.value(), specs, against.value());
    return std::move(judged).value();
  }
  testing_support::TemporaryFolder folder_;
};

TEST_F(ControlTest, AnExpectedLossCountsWhereTheControlIsClean) {
  const auto judged = weighed(run(false, false), {delivery("at-least-once", {"lost"})});
  EXPECT_EQ(judged.verdict, Verdict::pass) << to_json(judged);
  ASSERT_EQ(judged.invariants.size(), 3U);
  EXPECT_EQ(judged.invariants[0].kind, "delivery");
  EXPECT_THAT(judged.invariants[0].anomalies.at(0).during, ElementsAre("broker.kill"));
  EXPECT_EQ(judged.invariants[1].kind, "control");
  EXPECT_EQ(judged.invariants[1].outcome, Outcome::holds);
  EXPECT_THAT(judged.invariants[1].reasons, IsEmpty());
  EXPECT_EQ(judged.invariants[2].kind, "exercised") << "is listed last";
}

TEST_F(ControlTest, AnExpectedLossThatTheControlShowsTooIsNotTheFaultsDoing) {
  const auto judged = weighed(run(false, true), {delivery("at-least-once", {"lost"})});
  EXPECT_EQ(judged.verdict, Verdict::fail);
  EXPECT_EQ(judged.invariants[0].outcome, Outcome::violated);
  EXPECT_THAT(judged.invariants[0].reasons,
              Contains(HasSubstr("'lost' is expected of faults, and shows in the control")));
  EXPECT_THAT(judged.invariants[0].anomalies.at(0).during, IsEmpty());
  EXPECT_EQ(judged.invariants[1].outcome, Outcome::violated);
  EXPECT_THAT(judged.invariants[1].reasons, Contains("delivery, without any fault: 1 lost"));
}

TEST_F(ControlTest, ARunIsNoPassWhereItsControlIsNone) {
  Story undrained;
  undrained.run_start(R"("steps":[])").sent("a").run_stop();
  auto judged = judge_text(run(true, false).text(), std::vector{delivery("at-least-once")});
  ASSERT_TRUE(judged);
  ASSERT_EQ(judged.value().verdict, Verdict::pass);
  const std::vector specs{delivery("at-least-once")};
  const auto control = judge_control(store(undrained), specs);
  ASSERT_TRUE(control) << control.error().context;
  weigh(judged.value(), specs, control.value());
  EXPECT_EQ(judged.value().verdict, Verdict::inconclusive);
  EXPECT_EQ(judged.value().invariants[1].outcome, Outcome::unknown);
}

TEST_F(ControlTest, EachClaimIsWeighedAgainstItsOwn) {
  const std::vector<model::InvariantSpec> specs{{"recovery", {}, {{"within", Duration{1}}}},
                                                {"exercised", {}, {}},
                                                {"order", {}, {{"per", std::string{"key"}}}},
                                                delivery("at-least-once", {"lost"})};
  EXPECT_EQ(control_claims(specs).size(), 3U) << "there is nothing to recover from";
  const auto judged = weighed(run(false, true), specs);
  ASSERT_EQ(judged.invariants.size(), 5U);
  EXPECT_EQ(judged.invariants[1].kind, "order");
  EXPECT_EQ(judged.invariants[1].outcome, Outcome::holds);
  EXPECT_EQ(judged.invariants[2].kind, "delivery");
  EXPECT_EQ(judged.invariants[2].outcome, Outcome::violated);
  EXPECT_EQ(judged.invariants[3].kind, "control");
}

TEST_F(ControlTest, ARunWithFaultsOrAPieceOfOneIsNoControl) {
  const std::vector specs{delivery("at-least-once")};
  const auto with_faults = judge_control(store(run(true, false)), specs);
  ASSERT_FALSE(with_faults);
  EXPECT_THAT(with_faults.error().context, HasSubstr("has faults in it"));
  Story piece;
  piece.sent("a").deliver("a").drain();
  const auto without_start = judge_control(store(piece), specs);
  ASSERT_FALSE(without_start);
  EXPECT_THAT(without_start.error().context, HasSubstr("has no run start"));
}

}  // namespace
}  // namespace troop::invariants
