// Tables for people: columns as wide as their content, two spaces apart. Pure.
#pragma once

#include <string>
#include <vector>

namespace ferry::ctl {

struct Column {
  std::string title;
  bool right = false;  // numbers and sizes
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // One cell for each column; what is missing is empty. Control characters become '?'.
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  // Title line and rows, each ended by '\n', no spaces at the end of lines. A column that is empty
  // in every row is left out.
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace ferry::ctl
