"""What people look at, computed: filters, maps, layouts, tables, zones. Pure."""
