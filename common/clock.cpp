#include "common/clock.hpp"

#include <unistd.h>

#include <array>
#include <fstream>

namespace troop {

std::string boot_id() {
  std::ifstream file{"/proc/sys/kernel/random/boot_id"};
  std::string id;
  std::getline(file, id);
  return id;
}

std::string clock_source() {
  std::array<char, 64> space{};
  const auto length = readlink("/proc/self/ns/time", space.data(), space.size());
  // A kernel without time namespaces has but one.
  return boot_id() + " " + (length > 0 ? std::string{space.data(), static_cast<std::size_t>(length)} : "time:[0]");
}

}  // namespace troop
