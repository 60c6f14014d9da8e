// Runs one coroutine to its end, for tests that are no coroutines themselves.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <utility>

namespace troop::testing_support {

template <class T>
boost::asio::awaitable<void> keep(boost::asio::awaitable<T> work, std::optional<T>& result) {
  result.emplace(co_await std::move(work));
}

/// Blocks until `work` has ended; everything else that `io` has to do is done meanwhile.
template <class T>
T run(boost::asio::io_context& io, boost::asio::awaitable<T> work) {
  std::optional<T> result;
  boost::asio::co_spawn(io, keep(std::move(work), result), boost::asio::detached);
  io.restart();
  while (!result && io.run_one() > 0) {
  }
  return std::move(result).value();
}

template <class T>
T run(boost::asio::awaitable<T> work) {
  boost::asio::io_context io{1};
  return run(io, std::move(work));
}

}  // namespace troop::testing_support
