// A framed, bounded conversation over a local stream socket; the same for both ends.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <deque>
#include <memory>
#include <string>

#include "agents/protocol/frame.hpp"
#include "common/error.hpp"

namespace troop::protocol {

struct OwnedFrame {
  FrameKind kind{};
  std::string body;
};

/// Used from one strand only.
class Channel : public std::enable_shared_from_this<Channel> {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;
  static std::shared_ptr<Channel> adopt(Socket socket);

  /// The next frame. Errors: lost when the peer is gone, protocol when it breaks the rules.
  boost::asio::awaitable<Result<OwnedFrame>> receive();
  /// Queues the bytes of a frame; never blocks. Bytes for a peer that is gone vanish: receive() tells.
  void send(std::string frame);
  /// Bytes queued and not yet taken by the kernel. Whoever can wait should, when this is large.
  [[nodiscard]] std::size_t queued_bytes() const { return queued_bytes_; }
  void close();
  /// The peer finds an end; what it still says is received.
  void close_sending();

 private:
  explicit Channel(Socket socket) : socket_(std::move(socket)) {}
  void write_next();

  Socket socket_;
  FrameReader reader_;
  std::deque<std::string> queue_;
  std::size_t queued_bytes_ = 0;
  /// A write failed, so none is begun any more: once the kernel has told of the peer's end, a later write may wait for
  /// ever to be told again.
  bool deaf_ = false;
  std::string input_ = std::string(std::size_t{64} * 1024, '\0');
};

}  // namespace troop::protocol
