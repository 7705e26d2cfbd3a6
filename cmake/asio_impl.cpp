// Asio and Beast are compiled once, here (BOOST_ASIO_SEPARATE_COMPILATION): every file that
// includes them compiles faster and the programs are smaller.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
