// The files that cmake/embed.cmake makes part of the program.
#pragma once

#include <string_view>

namespace troop::formats::assets {

extern const std::string_view report_css;
extern const std::string_view report_js;
extern const std::string_view dygraphs_js;  ///< Debian's dygraph.min.js, without its source map.
extern const std::string_view dygraphs_css;
extern const std::string_view dygraphs_licence;  ///< Must travel with every report (MIT).

}  // namespace troop::formats::assets
