#include "common/error.hpp"

#include <system_error>

namespace troop {

Error system_error(ErrorKind kind, std::string_view what, int errno_value, std::source_location at) {
  return {kind, std::string{what} + ": " + std::generic_category().message(errno_value), at};
}

}  // namespace troop
