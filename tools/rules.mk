include tools/bundle/bundle.mk
