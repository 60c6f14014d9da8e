#include "agents/workers/outstanding.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "common/ids.hpp"

namespace troop::agents {
namespace {

using protocol::RecordError;
using protocol::RecordKind;

/// Drives the book-keeping as a producer does, and writes completions as "seq/attempt word".
class OutstandingPublishesTest : public testing::Test {
 protected:
  OutstandingPublishes make(std::uint16_t attempts = 3, std::size_t pending_max = 100) {
    return {attempts, pending_max, [this](const Completion& c) { log_.push_back(text(c)); }};
  }
  static std::string text(const Completion& c) {
    const char* kind = c.kind == RecordKind::publish_ok ? "ok" : c.kind == RecordKind::publish_fail ? "fail" : "info";
    const char* errors[] = {"",         "-nack",      "-returned", "-timeout",     "-lost",
                            "-channel", "-exhausted", "-not-sent", "-unconfirmed", "-refused"};
    return std::to_string(c.message.seq) + "/" + std::to_string(c.message.attempt) + " " + kind +
           errors[static_cast<int>(c.error)];
  }
  void add(OutstandingPublishes& o, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) o.add({++seq_, ++op_, 0, 1, 1});
  }
  /// Sends up to `count`; returns "seq/attempt" of each.
  std::vector<std::string> send(OutstandingPublishes& o, int count, std::int64_t deadline = 100) {
    std::vector<std::string> sent;
    for (int i = 0; i < count; ++i) {
      auto next = o.next();
      if (!next) break;
      if (next->resend) next->message.op = ++op_;
      sent.push_back(std::to_string(next->message.seq) + "/" + std::to_string(next->message.attempt));
      o.sent(next->message, deadline);
    }
    return sent;
  }
  std::vector<std::string> take() { return std::exchange(log_, {}); }

  using Texts = std::vector<std::string>;
  std::vector<std::string> log_;
  std::uint64_t seq_ = 0;
  std::uint64_t op_ = 0;
};

TEST_F(OutstandingPublishesTest, ConfirmsOneTagOrAllUpToIt) {
  auto o = make();
  add(o, 5);
  EXPECT_EQ(send(o, 5), (Texts{"1/1", "2/1", "3/1", "4/1", "5/1"}));
  EXPECT_EQ(o.confirm(2, false, true), 1U);
  EXPECT_EQ(take(), (Texts{"2/1 ok"}));
  EXPECT_EQ(o.confirm(4, true, true), 3U);
  EXPECT_EQ(take(), (Texts{"1/1 ok", "3/1 ok", "4/1 ok"}));
  EXPECT_EQ(o.in_flight(), 1U);
  EXPECT_EQ(o.confirm(5, true, true), 1U);
  EXPECT_TRUE(o.idle());
}

TEST_F(OutstandingPublishesTest, IgnoresTagsThatNeverWereOrWereAnswered) {
  auto o = make();
  add(o, 2);
  send(o, 2);
  EXPECT_EQ(o.confirm(3, false, true), 0U);
  EXPECT_EQ(o.confirm(3, true, true), 0U);
  EXPECT_EQ(o.confirm(0, false, true), 0U);
  EXPECT_EQ(o.confirm(1, false, true), 1U);
  EXPECT_EQ(o.confirm(1, false, true), 0U);
  EXPECT_EQ(o.confirm(1, true, false), 0U);
  EXPECT_EQ(take(), (Texts{"1/1 ok"}));
}

TEST_F(OutstandingPublishesTest, ReadsTagZeroWithMultipleAsAll) {
  auto o = make();
  add(o, 3);
  send(o, 3);
  EXPECT_EQ(o.confirm(0, true, true), 3U);
  EXPECT_TRUE(o.idle());
  EXPECT_EQ(o.confirm(0, true, true), 0U);
}

TEST_F(OutstandingPublishesTest, SendsANackedMessageAgainAsANewAttempt) {
  auto o = make();
  add(o, 3);
  send(o, 2);
  o.confirm(1, false, false);
  EXPECT_EQ(take(), (Texts{"1/1 fail-nack"}));
  EXPECT_EQ(send(o, 9), (Texts{"1/2", "3/1"}));
}

TEST_F(OutstandingPublishesTest, FailsAReturnedAttemptOnlyWhenItsAckComesAndForGood) {
  auto o = make();
  add(o, 3);
  send(o, 3);
  EXPECT_TRUE(o.returned(2, 1));
  EXPECT_FALSE(o.returned(2, 1));
  EXPECT_FALSE(o.returned(2, 2));
  EXPECT_FALSE(o.returned(9, 1));
  EXPECT_TRUE(take().empty());
  o.confirm(3, true, true);
  EXPECT_EQ(take(), (Texts{"1/1 ok", "2/1 fail-returned", "3/1 ok"}));
  EXPECT_TRUE(o.idle());
}

TEST_F(OutstandingPublishesTest, LosesEverythingInFlightAndResendsItInSequenceOrderBeforeAnythingNew) {
  auto o = make();
  add(o, 4);
  send(o, 3);
  o.confirm(1, false, true);
  take();
  o.lose(RecordError::connection_lost);
  EXPECT_EQ(take(), (Texts{"2/1 info-lost", "3/1 info-lost"}));
  EXPECT_EQ(o.in_flight(), 0U);
  EXPECT_EQ(o.backlog(), 3U);
  EXPECT_EQ(send(o, 9), (Texts{"2/2", "3/2", "4/1"}));
  EXPECT_EQ(o.confirm(3, true, true), 3U);  // tags begin anew on the new channel
}

TEST_F(OutstandingPublishesTest, MergesResendsOfTwoLossesInSequenceOrder) {
  auto o = make(5);
  add(o, 6);
  send(o, 4);
  o.lose(RecordError::connection_lost);
  EXPECT_EQ(send(o, 2), (Texts{"1/2", "2/2"}));
  o.lose(RecordError::connection_lost);
  EXPECT_EQ(send(o, 9), (Texts{"1/3", "2/3", "3/2", "4/2", "5/1", "6/1"}));
}

TEST_F(OutstandingPublishesTest, KeepsAReturnCertainWhenTheConnectionIsLostBeforeItsAck) {
  auto o = make();
  add(o, 2);
  send(o, 2);
  o.returned(1, 1);
  o.lose(RecordError::connection_lost);
  EXPECT_EQ(take(), (Texts{"1/1 fail-returned", "2/1 info-lost"}));
  EXPECT_EQ(send(o, 9), (Texts{"2/2"}));
}

TEST_F(OutstandingPublishesTest, TimesOutWhatIsDueAndIgnoresItsLateConfirm) {
  auto o = make();
  add(o, 3);
  send(o, 2, 100);
  send(o, 1, 200);
  EXPECT_EQ(o.deadline_ns(), 100);
  EXPECT_EQ(o.time_out(99), 0U);
  EXPECT_EQ(o.time_out(100), 2U);
  EXPECT_EQ(take(), (Texts{"1/1 info-timeout", "2/1 info-timeout"}));
  EXPECT_EQ(o.deadline_ns(), 200);
  EXPECT_EQ(o.confirm(1, false, true), 0U);           // late
  EXPECT_EQ(send(o, 9, 300), (Texts{"1/2", "2/2"}));  // tags 4 and 5
  EXPECT_EQ(o.confirm(2, true, true), 0U);            // late, and says nothing about the second attempts
  EXPECT_TRUE(take().empty());
  EXPECT_EQ(o.confirm(4, false, true), 1U);
  EXPECT_EQ(take(), (Texts{"1/2 ok"}));
  EXPECT_EQ(o.confirm(5, true, true), 2U);
  EXPECT_EQ(take(), (Texts{"3/1 ok", "2/2 ok"}));
}

TEST_F(OutstandingPublishesTest, KeepsTheTagOfATimedOutAttemptBehindOneThatWaits) {
  auto o = make();
  add(o, 3);
  send(o, 3, 100);
  o.confirm(2, false, true);
  o.time_out(100);
  take();
  send(o, 2, 200);  // tags 4 and 5: messages 1 and 3 again
  EXPECT_EQ(o.confirm(3, false, true), 0U);
  EXPECT_EQ(o.confirm(5, true, true), 2U);
  EXPECT_EQ(take(), (Texts{"1/2 ok", "3/2 ok"}));
}

TEST_F(OutstandingPublishesTest, LeavesAMessageAfterItsLastAttempt) {
  auto o = make(2);
  add(o, 1);
  send(o, 1);
  o.lose(RecordError::connection_lost);
  EXPECT_EQ(send(o, 1), (Texts{"1/2"}));
  o.time_out(100);
  EXPECT_EQ(take(), (Texts{"1/1 info-lost", "1/2 info-timeout"}));
  EXPECT_TRUE(o.idle());
  EXPECT_EQ(o.exhausted(), 1U);
}

TEST_F(OutstandingPublishesTest, GivesUpOnTheNeverSentVisiblyAndLeavesTheLastWordOfTheSent) {
  auto o = make();
  add(o, 3);
  send(o, 1);
  o.lose(RecordError::connection_lost);
  take();
  EXPECT_EQ(o.give_up(RecordError::retries_exhausted), 3U);
  EXPECT_EQ(take(), (Texts{"2/1 fail-exhausted", "3/1 fail-exhausted"}));
  EXPECT_TRUE(o.idle());
}

TEST_F(OutstandingPublishesTest, CompletesAtOnceWithoutConfirms) {
  auto o = make();
  add(o, 2);
  o.sent_unconfirmed(o.next()->message);
  EXPECT_EQ(take(), (Texts{"1/1 info-unconfirmed"}));
  EXPECT_EQ(o.in_flight(), 0U);
  EXPECT_EQ(o.backlog(), 1U);
}

TEST_F(OutstandingPublishesTest, FailsWhatIsBeyondTheBoundOfPending) {
  auto o = make(3, 2);
  add(o, 3);
  EXPECT_EQ(take(), (Texts{"3/1 fail-not-sent"}));
  EXPECT_EQ(o.backlog(), 2U);
}

TEST(OutstandingPublishesPropertyTest, CompletesEveryAttemptExactlyOnceUnderRandomEvents) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Random random{seed};
    std::map<std::uint64_t, int> completions;  // by op
    std::map<std::uint64_t, std::uint16_t> last_attempt;
    OutstandingPublishes o{4, 50, [&](const Completion& c) { ++completions[c.message.op]; }};
    std::uint64_t seq = 0, op = 0, tag = 0;
    std::int64_t now = 0;
    for (int step = 0; step < 400; ++step) {
      now += 1;
      switch (random.below(8)) {
        case 0:
        case 1:
          o.add({++seq, ++op, 0, 1, 1});
          break;
        case 2:
        case 3:
        case 4:
          if (auto next = o.next()) {
            if (next->resend) {
              next->message.op = ++op;
              EXPECT_EQ(next->message.attempt, last_attempt[next->message.seq] + 1);
            }
            last_attempt[next->message.seq] = next->message.attempt;
            tag = o.sent(next->message, now + 20);
          }
          break;
        case 5:
          o.confirm(random.below(tag + 2), random.below(2) == 0, random.below(5) != 0);
          break;
        case 6:
          o.time_out(now);
          break;
        default:
          if (random.below(10) == 0) {
            o.lose(RecordError::connection_lost);
            tag = 0;
          } else if (seq > 0) {
            o.returned(1 + random.below(seq), 1);
          }
      }
    }
    o.lose(RecordError::timeout);
    o.give_up(RecordError::not_sent);
    EXPECT_TRUE(o.idle());
    ASSERT_EQ(completions.size(), op) << "seed " << seed;
    for (const auto& [each, count] : completions) ASSERT_EQ(count, 1) << "seed " << seed << " op " << each;
  }
}

}  // namespace
}  // namespace troop::agents
