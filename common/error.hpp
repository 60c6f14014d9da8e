// Errors as values: what failed, in which context, and who can do something about it.
#pragma once

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/terminate.hpp>
#include <boost/outcome/try.hpp>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

namespace troop {

/// Who has to react. The controller maps these to the documented exit codes.
enum class ErrorKind {
  usage,       ///< The caller's input is wrong or refused; nothing was touched (exit 2).
  lost,        ///< An agent, a disk or a peer went away while we needed it (exit 3).
  timeout,     ///< Something did not happen in time (exit 3).
  protocol,    ///< A peer said something that it must not say (exit 3).
  unrestored,  ///< A host or part is not as it was before (exit 4).
  cancelled,   ///< Ended by a signal or by whoever asked for it (exit 130, 143, 129).
};

struct Error {
  ErrorKind kind = ErrorKind::usage;
  std::string context;  ///< Outermost first: "broker: /tmp/x: mkdir: No space left on device".
  std::source_location origin = std::source_location::current();

  /// The same error, seen from one level further out.
  [[nodiscard]] Error within(std::string_view outer) && {
    context.insert(0, std::string{outer} + ": ");
    return std::move(*this);
  }
};

template <class T>
using Result = boost::outcome_v2::basic_result<T, Error, boost::outcome_v2::policy::terminate>;

using boost::outcome_v2::success;

[[nodiscard]] inline Error usage_error(std::string context, std::source_location at = std::source_location::current()) {
  return {ErrorKind::usage, std::move(context), at};
}

/// An error from errno: "what: No such file or directory".
[[nodiscard]] Error system_error(ErrorKind kind, std::string_view what, int errno_value,
                                 std::source_location at = std::source_location::current());

}  // namespace troop
