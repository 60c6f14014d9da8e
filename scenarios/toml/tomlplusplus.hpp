// The one place that includes toml++, so that every file sees it with the same settings.
//
// toml++ 3.3 asserts, and with NDEBUG even assumes, that a table header begins with a key; "[=" is enough to break
// that. A file must never end the program, so a broken assertion becomes an exception, which Document::parse reports.
// The build sets TOML_ASSERT to toml_assert; toml++ would ignore that where NDEBUG is defined.
#pragma once

#include <stdexcept>

namespace troop::scenarios {

struct TomlAssertion : std::logic_error {
  using std::logic_error::logic_error;
};

/// Takes what converts to bool only when asked to, such as a smart pointer.
template <class Condition>
constexpr void toml_assert(const Condition& holds) {
  if (!static_cast<bool>(holds)) throw TomlAssertion{"toml++ met what it did not expect"};
}

}  // namespace troop::scenarios

#ifndef TOML_ASSERT
#error "scenarios/toml is built with TOML_ASSERT=::troop::scenarios::toml_assert"
#endif
#pragma push_macro("NDEBUG")
#undef NDEBUG
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")
