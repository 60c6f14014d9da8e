// Blocking calls of libraries, in a thread of their own, so that the agent goes on meanwhile.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "agents/host/process.hpp"

namespace troop::agents {

/// What `work()` returns. It must end by itself soon, touch nothing of ours, and start no process (PDEATHSIG follows
/// the thread). Whoever is destroyed while it waits, waits for the thread.
template <class T>
asio::awaitable<T> elsewhere(std::function<T()> work) {
  struct Shared {
    std::optional<T> result;
    std::atomic<bool> done = false;
  };
  const auto shared = std::make_shared<Shared>();
  const std::jthread thread{[shared, inner = std::move(work)] {
    shared->result.emplace(inner());
    shared->done = true;
  }};
  while (!shared->done) co_await pause_for(std::chrono::milliseconds{1});
  co_return std::move(*shared->result);
}

}  // namespace troop::agents
