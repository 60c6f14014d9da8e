// Stopping and starting a broker that is no child of ours: by systemd, the Docker engine, a pid file, named commands.
// Whether it had an effect is for the caller to see.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string_view>

#include "common/error.hpp"
#include "scenarios/model/attach.hpp"

namespace troop::agents {

class ServerControl {
 public:
  enum class Action { start, stop, kill, pause, resume };
  template <class T>
  using Answer = boost::asio::awaitable<Result<T>>;

  virtual ~ServerControl() = default;
  /// Whether it could be done. Reads only. Errors: usage.
  virtual Answer<void> check(Action action) = 0;
  /// Does not block the thread. After stop and kill the process is gone, as far as can be told. Errors: lost, timeout.
  virtual Answer<void> act(Action action) = 0;
};

std::string_view to_text(ServerControl::Action action);

/// Null where there is no way.
std::unique_ptr<ServerControl> server_control(const model::BrokerAttachment::Control& wanted);

/// A container, over the socket of the engine on this host.
std::unique_ptr<ServerControl> docker_control(std::string container);

}  // namespace troop::agents
