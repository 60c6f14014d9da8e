// How coroutines are set going: an exception that nobody caught must end the program, not vanish with its coroutine.
// What a dead agent leaves is put back by the nets below it; one that has silently lost a coroutine would only seem to
// live.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <utility>

namespace troop::protocol {

inline void spawn(boost::asio::io_context& io, boost::asio::awaitable<void> coroutine) {
  boost::asio::co_spawn(io, std::move(coroutine), [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  });
}

}  // namespace troop::protocol
