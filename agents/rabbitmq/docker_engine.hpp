// Containers of the Docker engine on this host, over the HTTP API of its socket (docs.docker.com/reference/api/engine).
// Blocking; a container is named by its name or its id.
#pragma once

#include <string>

#include "common/clock.hpp"
#include "common/error.hpp"

namespace troop::agents {

/// TROOP_DOCKER_SOCKET, else where Docker has it.
std::string docker_socket();

struct Container {
  std::string id;
  std::string name;
  bool running = false;
  bool paused = false;
  bool removes_itself = false;  ///< As soon as it ends.
  std::int64_t exit_code = 0;
  std::string started_at;  ///< Another text for each start.
};

/// "20.10.24". Errors: lost, where no engine answers.
Result<std::string> engine_version(const std::string& socket);
/// What the engine says of it. Three seconds at most. Errors: usage, where it knows none or does not answer.
Result<Container> inspect_container(const std::string& socket, const std::string& container);
/// POST /containers/…/`what`; what is so already is no error. Errors: lost.
Result<void> tell_container(const std::string& socket, const std::string& container, const std::string& what,
                            Duration timeout);

}  // namespace troop::agents
