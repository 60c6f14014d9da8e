#include "agents/protocol/channel.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/write.hpp>

#include "tests/support/coroutine.hpp"

namespace troop::protocol {
namespace {

using testing_support::run;

class ChannelTest : public testing::Test {
 protected:
  ChannelTest() {
    Channel::Socket left{io_};
    Channel::Socket right{io_};
    boost::asio::local::connect_pair(left, right);
    here_ = Channel::adopt(std::move(left));
    there_ = Channel::adopt(std::move(right));
  }

  Result<OwnedFrame> receive(const std::shared_ptr<Channel>& end) { return run(io_, end->receive()); }

  /// A channel whose peer is a bare socket, for saying what no Channel says.
  std::shared_ptr<Channel> beside_bare_socket(Channel::Socket& bare) {
    Channel::Socket other{io_};
    boost::asio::local::connect_pair(bare, other);
    return Channel::adopt(std::move(other));
  }

  boost::asio::io_context io_{1};
  std::shared_ptr<Channel> here_;
  std::shared_ptr<Channel> there_;
};

TEST_F(ChannelTest, CarriesFramesInOrderInBothDirections) {
  for (int i = 0; i < 100; ++i) {
    here_->send(message_frame("to there " + std::to_string(i)));
    there_->send(watermark_frame(i));
  }
  for (int i = 0; i < 100; ++i) {
    const auto message = receive(there_);
    ASSERT_TRUE(message) << message.error().context;
    EXPECT_EQ(message.value().kind, FrameKind::message);
    EXPECT_EQ(message.value().body, "to there " + std::to_string(i));
    const auto mark = receive(here_);
    ASSERT_TRUE(mark) << mark.error().context;
    EXPECT_EQ(mark.value().kind, FrameKind::watermark);
    EXPECT_EQ(decode_watermark(mark.value().body).value(), i);
  }
}

TEST_F(ChannelTest, QueuesMoreThanTheKernelTakesAndSaysHowMuch) {
  const std::string body(frame_bytes_max - 1, 'x');
  constexpr std::size_t frames = 8;
  for (std::size_t i = 0; i < frames; ++i) here_->send(message_frame(body));
  EXPECT_GT(here_->queued_bytes(), (frames - 1) * body.size()) << "nobody has read yet";
  for (std::size_t i = 0; i < frames; ++i) {
    const auto frame = receive(there_);
    ASSERT_TRUE(frame) << frame.error().context;
    EXPECT_EQ(frame.value().body, body);
  }
  io_.restart();
  io_.poll();
  EXPECT_EQ(here_->queued_bytes(), 0U);
}

TEST_F(ChannelTest, HandsOutWhatAPeerSaidBeforeItClosedAndThenThatItIsGone) {
  here_->send(message_frame("one"));
  here_->send(message_frame("two"));
  io_.poll();  // both are with the kernel
  here_->close();
  EXPECT_EQ(receive(there_).value().body, "one");
  EXPECT_EQ(receive(there_).value().body, "two");
  const auto gone = receive(there_);
  ASSERT_TRUE(gone.has_error());
  EXPECT_EQ(gone.error().kind, ErrorKind::lost);
  EXPECT_THAT(gone.error().context, testing::HasSubstr("the peer is gone"));
}

// Left pending, the write would keep its process alive for ever.
TEST_F(ChannelTest, EndsEveryWriteToAPeerThatIsGone) {
  std::optional<Channel::Socket> bare{io_};
  const auto end = beside_bare_socket(*bare);
  for (int i = 0; i < 8; ++i) end->send(message_frame(std::string(frame_bytes_max - 1, 'x')));
  io_.poll();
  ASSERT_GT(end->queued_bytes(), 0U) << "the kernel is full, and a write waits";
  bare.reset();  // with unread bytes: a reset, as when a process is killed
  io_.run_for(std::chrono::seconds{5});
  EXPECT_EQ(end->queued_bytes(), 0U);
  end->send(message_frame("nobody hears this"));
  io_.restart();
  io_.run_for(std::chrono::seconds{5});
  EXPECT_TRUE(io_.stopped()) << "a write is still waiting";
}

TEST_F(ChannelTest, DropsHalfAFrameOfAPeerThatCloses) {
  Channel::Socket bare{io_};
  const auto end = beside_bare_socket(bare);
  const std::string frame = message_frame("never whole");
  boost::asio::write(bare, boost::asio::buffer(frame.data(), frame.size() - 1));
  bare.close();
  const auto gone = receive(end);
  ASSERT_TRUE(gone.has_error());
  EXPECT_EQ(gone.error().kind, ErrorKind::lost);
}

TEST_F(ChannelTest, WritesToAPeerThatIsGoneVanishWithoutHarm) {
  there_->close();
  for (int round = 0; round < 3; ++round) {
    here_->send(message_frame("nobody listens"));
    here_->send(message_frame("nobody listens"));
    io_.restart();
    io_.poll();
    EXPECT_EQ(here_->queued_bytes(), 0U);
  }
  const auto gone = receive(here_);
  ASSERT_TRUE(gone.has_error());
  EXPECT_EQ(gone.error().kind, ErrorKind::lost);
}

TEST_F(ChannelTest, CallsAPeerThatBreaksTheRulesBroken) {
  Channel::Socket bare{io_};
  const auto end = beside_bare_socket(bare);
  boost::asio::write(bare, boost::asio::buffer(message_frame("fine") + std::string(16, '\xff')));
  EXPECT_EQ(receive(end).value().body, "fine");
  const auto broken = receive(end);
  ASSERT_TRUE(broken.has_error());
  EXPECT_EQ(broken.error().kind, ErrorKind::protocol);
}

TEST_F(ChannelTest, EndsAWaitingReceiverWhenItIsClosedHere) {
  boost::asio::post(io_, [this] { here_->close(); });
  const auto ended = receive(here_);
  ASSERT_TRUE(ended.has_error());
  EXPECT_EQ(ended.error().kind, ErrorKind::lost);
}

}  // namespace
}  // namespace troop::protocol
