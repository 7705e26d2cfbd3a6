#include <fmt/format.h>
#include <sqlite3.h>

#include <map>
#include <sstream>

#include "storage/migrate.hpp"
#include "tests/unit/storage/store_bench.hpp"

namespace ferry::storage::testing {
namespace {

const fs::path storage_folder = FERRY_STORAGE_FOLDER;

// "(a,b)" → " ( a , b ) ": what ALTER TABLE adds stands closer than what people write.
std::string spaced(const std::string& sql) {
  std::string text;
  for (const char c : sql) {
    const bool mark = c == ',' || c == '(' || c == ')';
    text += mark ? std::string{' ', c, ' '} : std::string{c};
  }
  return text;
}

// Everything in sqlite_schema, without comments and differences in white space.
std::map<std::string, std::string> schema_of(Database& database) {
  std::map<std::string, std::string> schema;
  auto rows = database.prepare("SELECT type || ' ' || name, sql FROM sqlite_schema");
  EXPECT_OK(rows);
  while (rows->step().value()) {
    std::istringstream words(spaced(rows->text(1)));
    std::string& text = schema[rows->text(0)];
    for (std::string word; words >> word;) text += word + " ";
  }
  return schema;
}

Database empty_database(const fs::path& file) {
  auto database = Database::open(file, Database::Access::read_write);
  EXPECT_OK(database);
  return std::move(*database);
}

TEST(MigrationTest, AreNumberedWithoutAGap) {
  ASSERT_GT(migrations().size(), 0U);
  for (std::size_t i = 0; i < migrations().size(); ++i) {
    EXPECT_EQ(migrations()[i].name.substr(0, 5), fmt::format("{:04}_", i + 1));
  }
}

// Gateways in the field have run them: an edited one would leave two kinds of databases behind.
TEST(MigrationTest, WhatWasReleasedIsNeverEdited) {
  std::istringstream released(read_text(FERRY_RELEASED_MIGRATIONS));
  std::string digest;
  std::string name;
  std::size_t count = 0;
  for (; released >> digest >> name; ++count) {
    EXPECT_EQ(Sha256::of(as_bytes(read_text(storage_folder / "migrations" / name))).hex(), digest)
        << name << " was edited after its release; write a new migration instead";
  }
  EXPECT_EQ(count, migrations().size()) << "list each migration in released_migrations.txt";
}

TEST(MigrationTest, EndInTheDocumentedSchema) {
  Workbench bench;
  Database migrated = empty_database(bench.folder() / "migrated.db");
  ASSERT_OK(migrate(migrated, "migrated.db"));
  Database documented = empty_database(bench.folder() / "documented.db");
  ASSERT_OK(documented.script(read_text(storage_folder / "schema.sql")));
  EXPECT_EQ(schema_of(migrated), schema_of(documented));
}

TEST(MigrationTest, RunOnce) {
  Workbench bench;
  Database database = empty_database(bench.folder() / "catalog.db");
  ASSERT_OK(migrate(database, "catalog.db"));
  EXPECT_OK(migrate(database, "catalog.db"));
  EXPECT_EQ(database.number("PRAGMA user_version").value(),
            static_cast<std::int64_t>(migrations().size()));
}

class NewerDatabaseTest : public StoreTest {
 protected:
  std::map<std::string, std::string> content() {
    std::map<std::string, std::string> files;
    for (const char* name : {"catalog.db", "catalog.db-wal"}) {
      if (fs::exists(bench.folder() / name)) files[name] = read_text(bench.folder() / name);
    }
    return files;
  }
};

TEST_F(NewerDatabaseTest, IsRefusedAndLeftUntouched) {
  open();
  store.reset();
  {
    Database database = empty_database(bench.folder() / "catalog.db");
    ASSERT_OK(database.script("PRAGMA user_version = 999"));
  }
  const auto before = content();
  EXPECT_FAILS(Store::open(options, clock), too_new);
  EXPECT_TRUE(content() == before);
  const std::string message = Store::open(options, clock).error().message;
  EXPECT_NE(message.find("999"), std::string::npos) << message;
  EXPECT_NE(message.find("catalog.db"), std::string::npos) << message;
}

// The later Ferry was killed: its version stands in the write-ahead log alone.
TEST_F(NewerDatabaseTest, IsRefusedAndLeftUntouchedWhenOnlyItsLogSaysSo) {
  open();
  store.reset();
  {
    Database database = empty_database(bench.folder() / "catalog.db");
    ASSERT_OK(
        database.script("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                        "PRAGMA user_version = 999"));
    sqlite3_db_config(database.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }
  ASSERT_GT(fs::file_size(bench.folder() / "catalog.db-wal"), 0U);
  const auto before = content();
  EXPECT_FAILS(Store::open(options, clock), too_new);
  EXPECT_TRUE(content() == before);
}

TEST_F(NewerDatabaseTest, WhatIsNoDatabaseIsRefusedAndLeftUntouched) {
  std::ofstream(bench.folder() / "catalog.db") << std::string(5000, 'x');
  const auto before = content();
  EXPECT_FAILS(Store::open(options, clock), corrupt);
  EXPECT_TRUE(content() == before);
}

TEST_F(NewerDatabaseTest, ASecondAgentIsRefused) {
  open();
  EXPECT_FAILS(Store::open(options, clock), unavailable);
}

}  // namespace
}  // namespace ferry::storage::testing
