#include "agents/protocol/channel.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace troop::protocol {
namespace asio = boost::asio;

std::shared_ptr<Channel> Channel::adopt(Socket socket) {
  struct Public : Channel {
    explicit Public(Socket adopted) : Channel(std::move(adopted)) {}
  };
  return std::make_shared<Public>(std::move(socket));
}

asio::awaitable<Result<OwnedFrame>> Channel::receive() {
  const auto self = shared_from_this();
  while (true) {
    BOOST_OUTCOME_CO_TRY(auto frame, reader_.next());
    if (frame) co_return OwnedFrame{frame->kind, std::string{frame->body}};
    const auto [failure, count] =
        co_await socket_.async_read_some(asio::buffer(input_), asio::as_tuple(asio::use_awaitable));
    if (failure) co_return Error{ErrorKind::lost, "the peer is gone: " + failure.message()};
    reader_.feed(std::string_view{input_}.substr(0, count));
  }
}

void Channel::send(std::string frame) {
  if (deaf_) return;
  queued_bytes_ += frame.size();
  queue_.push_back(std::move(frame));
  if (queue_.size() == 1) write_next();
}

void Channel::write_next() {
  asio::async_write(socket_, asio::buffer(queue_.front()),
                    [self = shared_from_this()](const boost::system::error_code& failure, std::size_t) {
                      if (failure) {
                        self->deaf_ = true;
                        self->queue_.clear();
                        self->queued_bytes_ = 0;
                        return;
                      }
                      self->queued_bytes_ -= self->queue_.front().size();
                      self->queue_.pop_front();
                      if (!self->queue_.empty()) self->write_next();
                    });
}

void Channel::close_sending() {
  boost::system::error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
}

void Channel::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace troop::protocol
